"""The fixture ``memory_trace``: where the bytes of a test's body are."""

from __future__ import annotations

from tests.unit.regression.pytest_plugin.conftest import Run


def test_the_fixture_alone_is_enough_for_a_prediction(run: Run) -> None:
    result = run("""
def test_trace(memory_trace):
    assert memory_trace.peak_allocated_bytes == 0
    kept = need(3)
    with memory_trace.span("more"):
        need(5)
    assert memory_trace.peak_allocated_bytes == 8 * MIB == sum(memory_trace.breakdown().values())
    assert memory_trace.peak_reserved_bytes == 20 * MIB
    assert [block.num_bytes for block in memory_trace.top_allocations(1)] == [5 * MIB]
    assert memory_trace.peak("more").allocated_bytes == 8 * MIB
    assert repr(memory_trace) == "<peaks of 8388608 B allocated, 20971520 B reserved>"
""")
    result.assert_outcomes(passed=1)


def test_it_is_the_trace_that_the_markers_judge(run: Run) -> None:
    result = run("""
@pytest.mark.peak_memory("4 MiB", gpu="t4-16gb")
def test_trace(memory_trace):
    need(5)
    assert memory_trace.gpu.name == "t4-16gb"
    assert memory_trace.peak_allocated_bytes == 5 * MIB
""")
    result.stdout.fnmatch_lines(["peak of 5.00 MiB allocated is above the limit of 4.00 MiB by 1.00 MiB, predicted *"])


def test_fixtures_that_use_it_read_it_behind_the_body(run: Run) -> None:
    result = run(
        """
@pytest.fixture(autouse=True)
def peak(request, memory_trace):
    yield
    if request.node.name == "test_late":
        print("read behind the body:", memory_trace.peak_allocated_bytes)
def test_late():
    need(2)
""",
        "-s",
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*read behind the body: 2097152"])


def test_fixtures_that_use_it_run_on_the_simulated_gpu_and_count(run: Run) -> None:
    result = run("""
@pytest.fixture
def model(memory_trace):
    yield torch.nn.Linear(512, 1024, bias=False).to("cuda")
    torch.zeros(2**20, device="cuda")  # the way down is still on it
@pytest.mark.peak_memory("1 MiB")
@pytest.mark.parametrize("batch", [1, 2])
def test_step(model, batch, memory_trace):
    model(torch.randn(batch, 512, device="cuda")).sum().backward()
    assert memory_trace.breakdown()["weights"] == 2 * MIB
""")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["peak of * allocated is above the limit of 1.00 MiB by *, predicted *"])


def test_asked_for_by_name_it_comes_too_late(run: Run) -> None:
    result = run("""
def test_by_name(request):
    request.getfixturevalue("memory_trace")
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*ask for memory_trace as an argument of the test or of a fixture*"])
