"""The hooks of a session: which tests are watched, what becomes of them, and what is said at the end."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from ladderscope.regression.pytest_plugin.collected import Collecting
from ladderscope.regression.pytest_plugin.marks import fail_where_wrong, is_compared, is_watched
from ladderscope.regression.pytest_plugin.options import CUDA, PREDICT, Options
from ladderscope.regression.pytest_plugin.tests_baseline import TestsBaseline, name_of
from ladderscope.regression.pytest_plugin.watch import Watch, Watched, begin_watch, end_watch, watch_of


class Manager:
    """Watches the tests of one session.

    Under xdist there is one in every worker, which watches, and one in the controller, which writes and tells. What a
    worker found travels with the reports of its tests.

    Args:
        config: of the session.
        options: of the command line and the ini file.
        collecting: follows what the session collects.
    """

    def __init__(self, config: pytest.Config, options: Options, collecting: Collecting) -> None:
        self._options = options
        self._baseline = TestsBaseline(options)
        self._is_worker = hasattr(config, "workerinput")
        self._collecting = collecting

    # ---- before any test -------------------------------------------------------------------------------------------

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Refuse to begin where a test is watched and could not be; a worker of xdist lets these tests fail."""
        if not self._is_worker:
            watched = [item for item in session.items if is_watched(item)]
            if watched:
                self._refuse_what_cannot_work(compares=any(map(is_compared, watched)))

    def _refuse_what_cannot_work(self, *, compares: bool) -> None:
        if self._options.meter == CUDA:
            from ladderscope.regression.pytest_plugin.measuring import refuse_without_cuda

            refuse_without_cuda()
        if compares:
            self._baseline.refuse_if_broken()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Import what predictions need, so that it is neither the first test's time nor its warnings."""
        predicts = self._options.meter == PREDICT and not session.config.getoption("collectonly")
        if predicts and any(map(is_watched, session.items)):
            from ladderscope.regression.pytest_plugin.predicting import import_all

            import_all()

    # ---- one test --------------------------------------------------------------------------------------------------

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Read the markers, before any fixture is set up."""
        if is_watched(item):
            if self._is_worker:
                self._fail_where_it_cannot_work(item)
            begin_watch(item, fail_where_wrong(item))

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Run the body under prediction or measured, where a fixture has not begun already."""
        watch = watch_of(item)
        if watch is None:
            return (yield)
        with contextlib.nullcontext(watch.watched) if watch.watched else self.watching(item, watch) as watched:
            result = yield
            watched.settle()
        if not getattr(item, "_excinfo", None):  # where a unittest.TestCase keeps what it raised
            self._judge(item, watch, watched)
        return result

    @contextlib.contextmanager
    def watching(self, item: pytest.Item, watch: Watch) -> Iterator[Watched]:
        """Inside, code runs on the simulated GPU or under the eyes of the allocator, and counts for the test."""
        with self._meter(item, watch) as watched:
            watch.begin(watched)
            yield watched

    def _fail_where_it_cannot_work(self, item: pytest.Item) -> None:
        try:
            self._refuse_what_cannot_work(compares=is_compared(item))
        except pytest.UsageError as error:
            pytest.fail(str(error), pytrace=False)

    def _meter(self, item: pytest.Item, watch: Watch) -> contextlib.AbstractContextManager[Watched]:
        if self._options.meter == CUDA:
            from ladderscope.regression.pytest_plugin.measuring import measured

            return measured(item.config.rootpath)
        from ladderscope.regression.pytest_plugin.predicting import predicted

        return predicted(watch.asked.gpu or self._options.gpu)

    def _judge(self, item: pytest.Item, watch: Watch, watched: Watched) -> None:
        from ladderscope.regression.pytest_plugin.judging import nothing_to_judge, problem_with

        _tell_properties(item, watch, watched)
        watch.refusal = nothing_to_judge(watch, watched)
        if not watch.refusal:
            watch.problems = [text for limit in watch.asked.limits if (text := problem_with(limit, watched))]
            if watch.asked.compares:
                self._baseline.judge(name_of(item), watch, watched)
        watch.is_over = True
        if said := [*watch.problems, *([watch.refusal] if watch.refusal else [])]:
            pytest.fail("\n".join(said), pytrace=False)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Add to the report what was found."""
        report = yield
        watch = watch_of(item)
        if watch is not None and call.when == "call":
            if report.failed and (watch.problems or _is_out_of_memory(call)):
                from ladderscope.regression.pytest_plugin.sections import sections_of

                report.sections += sections_of(watch)
            if report.passed and watch.is_over:
                report.ladderscope = self._baseline.findings(name_of(item), watch)  # type: ignore[attr-defined]
        elif call.when == "teardown":
            end_watch(item)
        return report

    # ---- the session -----------------------------------------------------------------------------------------------

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect what the tests, and the workers, have found."""
        found = getattr(report, "ladderscope", None)
        if found and not self._is_worker:
            self._baseline.take(found)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the baseline, once, in the one process that has it all."""
        if self._is_worker:
            return
        collected = self._collecting.result(session, exitstatus)
        if not self._options.updates:
            if collected.tests:
                self._baseline.look_for_gone(collected.is_gone)
        elif not self._baseline.write(collected.is_gone):
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was written, or what should be."""
        lines = self._baseline.summary()
        if lines:
            terminalreporter.section("memory baseline")
            for line in lines:
                terminalreporter.write_line(line)


def _tell_properties(item: pytest.Item, watch: Watch, watched: Watched) -> None:
    """Numbers for JUnit XML and other reports; those of an earlier run of the same test are replaced."""
    told: dict[str, object] = {
        "peak_allocated_bytes": watched.trace.peak_allocated_bytes,
        "peak_reserved_bytes": watched.trace.peak_reserved_bytes,
        **{("reserved_limit" if limit.reserved else "limit"): limit.num_bytes for limit in watch.asked.limits},
        "meter": watched.meter,
        "gpu": watched.gpu,
    }
    item.user_properties[:] = [(name, value) for name, value in item.user_properties if name not in told]
    item.user_properties += told.items()


def _is_out_of_memory(call: pytest.CallInfo[None]) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and call.excinfo is not None and isinstance(call.excinfo.value, torch.OutOfMemoryError)
