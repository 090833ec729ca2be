"""``@pytest.mark.peak_memory``: an absolute limit on what a test's body needs."""

from __future__ import annotations

from tests.unit.regression.pytest_plugin.conftest import Run


def test_a_test_below_its_limit_passes_and_one_above_fails(run: Run) -> None:
    result = run("""
@pytest.mark.peak_memory("24 MiB")
def test_fits():
    need(24)
@pytest.mark.peak_memory(24 * MIB)
def test_does_not_fit():
    kept = need(24), need(40)
""")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["peak of 64 MiB allocated is above the limit of 24 MiB by 40 MiB, predicted for NVIDIA GeForce RTX 3060"]
    )


def test_a_failure_shows_the_five_largest_allocations_and_no_traceback(run: Run) -> None:
    result = run("""
@pytest.mark.peak_memory("1 MiB")
def test_model():
    model = torch.nn.Sequential(torch.nn.Linear(512, 1024), torch.nn.ReLU(), torch.nn.Linear(1024, 512)).cuda()
    model(torch.zeros(2048, 512, device="cuda")).sum().backward()
""")
    text = result.stdout.str()
    section = text[text.index("memory, predicted for NVIDIA GeForce RTX 3060 ---") :].splitlines()
    assert section[1].startswith("The largest allocations at the allocated peak of ")
    assert section[2:7] == [
        "   16 MiB  0: sum.dim_IntList: new_empty (activations, backward)",
        " 8.12 MiB  0: cuBLAS workspace (workspace, forward)",
        " 8.12 MiB  2: cuBLAS workspace (workspace, backward)",
        " 8.00 MiB  1: threshold_backward (activations, backward)",
        " 4.00 MiB  zeros (load)",
    ]
    assert section[7].startswith("=")
    assert "Traceback" not in text
    assert "def test_model" not in text


def test_reserved_memory_has_a_limit_of_its_own(run: Run) -> None:
    result = run("""
@pytest.mark.peak_memory("1 MiB", reserved=True)
@pytest.mark.peak_memory("1 MiB")
def test_small_block_in_a_large_segment():
    need(1)
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["peak of 2.00 MiB reserved is above the limit of 1.00 MiB by 1.00 MiB, predicted *"])
    result.stdout.no_fnmatch_line("*1.00 MiB allocated is above*")


def test_classes_parameters_and_test_cases_are_watched_too(run: Run) -> None:
    result = run(
        """
@pytest.mark.peak_memory("8 MiB")
class TestAll:
    def test_of_class(self):
        need(9)
    @pytest.mark.peak_memory("10 MiB")
    def test_with_a_nearer_limit(self):
        need(9)
@pytest.mark.peak_memory("8 MiB")
@pytest.mark.parametrize("mib", [7, 9])
def test_parameters(mib):
    need(mib)
class TestCase(unittest.TestCase):
    def setUp(self):
        self.kept = need(4)
    @pytest.mark.peak_memory("8 MiB")
    def test_case(self):
        need(5)
    @pytest.mark.peak_memory("8 MiB")
    def test_own_error(self):
        need(5)
        self.assertEqual(1, 2)
""",
        "-rfp",
    )
    result.assert_outcomes(passed=2, failed=4)
    result.stdout.fnmatch_lines_random(
        [
            "PASSED test_it.py::TestAll::test_with_a_nearer_limit",
            "PASSED test_it.py::test_parameters[[]7[]]",
            "FAILED test_it.py::TestAll::test_of_class - *",
            "FAILED test_it.py::test_parameters[[]9[]] - *",
            "FAILED test_it.py::TestCase::test_case - *",
            "FAILED test_it.py::TestCase::test_own_error - AssertionError: 1 != 2",
        ]
    )


def test_only_the_body_is_predicted(run: Run) -> None:
    result = run("""
@pytest.fixture
def outside():
    assert not torch.cuda.is_available()
    yield torch.ones(3 * MIB, dtype=torch.uint8)
    assert not torch.cuda.is_available()
@pytest.mark.peak_memory("3 MiB")
def test_body(outside):
    assert torch.cuda.get_device_name() == "NVIDIA GeForce RTX 3060"
    outside.cuda()
def test_without_marker():
    assert not torch.cuda.is_available()
""")
    result.assert_outcomes(passed=2)


def test_the_error_of_a_body_stays_its_own(run: Run) -> None:
    result = run("""
@pytest.mark.peak_memory("1 MiB")
def test_wrong():
    need(2)
    assert 1 == 2, "arithmetic"
@pytest.mark.peak_memory("1 MiB")
def test_skipped():
    need(2)
    pytest.skip("no")
@pytest.mark.xfail(reason="too much, as is known")
@pytest.mark.peak_memory("1 MiB")
def test_expected():
    need(2)
""")
    result.assert_outcomes(failed=1, skipped=1, xfailed=1)
    result.stdout.fnmatch_lines(["E       AssertionError: arithmetic"])
    result.stdout.no_fnmatch_line("*is above the limit*")


def test_running_out_of_memory_shows_what_took_it(run: Run) -> None:
    result = run("""
@pytest.mark.peak_memory("1 GiB", gpu="1GiB:sm86")
def test_too_much():
    kept = need(300)
    need(600)
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E *OutOfMemoryError: CUDA out of*",
            "*memory, predicted for GPU with 1 GiB*",
            "  300 MiB  empty.memory_format (load)",
        ]
    )


WRONG_MARKERS = {
    'peak_memory("lots")': "'lots' is no amount of memory: write one such as 1.5 GiB, 24 MB or 4096.",
    "peak_memory(1.5)": "the limit of peak_memory is 1.5: write one such as '1.5 GiB', or a number of bytes.",
    "peak_memory(-1)": "the limit of peak_memory is -1: *",
    "peak_memory()": "peak_memory takes a limit, and gpu and reserved by name: *",
    'peak_memory("1 GiB", gpus="t4-16gb")': "peak_memory takes a limit, and gpu and reserved by name: *",
    'peak_memory("1 GiB", gpu="t4-16")': "unknown GPU 't4-16': did you mean 't4-16gb'?",
    "memory_baseline('peak_allocated:0')": "memory_baseline takes fail_on and gpu by name: *",
    "memory_baseline(fail_on='peak:0')": "unknown metric 'peak': *",
    "memory_baseline(fail_on=1)": "memory_baseline takes fail_on and gpu by name: *",
    "memory_baseline(fail_on=['activations:0', 'flops:0,trainable_params:0'])": "tests have no flops and no "
    "trainable_params, so that threshold would never fail: choose from peak_allocated, peak_reserved, "
    "saved_for_backward, weights, *, other.",
    "memory_baseline(fail_on='flops:many')": "'many' does not say how much flops may grow: *",
}


def test_a_wrong_marker_is_refused_in_a_sentence_before_anything_runs(run: Run) -> None:
    tests = [
        f"@pytest.mark.{marker}\ndef test_{i}(fixture):\n    print('it ran')\n"
        for i, marker in enumerate(WRONG_MARKERS)
    ]
    result = run("@pytest.fixture\ndef fixture():\n    print('it ran')\n" + "".join(tests))
    result.assert_outcomes(errors=len(WRONG_MARKERS))
    for i, sentence in enumerate(WRONG_MARKERS.values()):
        result.stdout.fnmatch_lines([f"*ERROR at setup of test_{i} *", sentence], consecutive=True)
    result.stdout.no_fnmatch_line("*it ran*")


def test_markers_that_name_two_gpus_contradict_each_other(run: Run) -> None:
    result = run("""
@pytest.mark.peak_memory("8 GiB", gpu="t4-16gb")
class TestIt:
    @pytest.mark.peak_memory("8 GiB", gpu="rtx-4090-24gb")
    def test_nearer(self):
        assert torch.cuda.get_device_name() == "NVIDIA GeForce RTX 4090"
        need(1)
    @pytest.mark.memory_baseline(gpu="l4-24gb")
    @pytest.mark.peak_memory("8 GiB", gpu="rtx-4090-24gb")
    def test_two(self):
        pass
""")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["the markers name l4-24gb and rtx-4090-24gb: a test runs for one GPU, so name one."])


def test_a_prediction_inside_of_the_body_is_refused_by_its_own_error(run: Run) -> None:
    result = run("""
import ladderscope
@pytest.mark.peak_memory("1 GiB")
def test_nested():
    with ladderscope.predict_memory("t4-16gb"):
        pass
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *UsageError: predict_memory is running already: *"])
