"""The pytest plugin: guards the GPU memory of what the body of a test does, predicted or measured.

``@pytest.mark.peak_memory("1.5 GiB")`` is an absolute limit, ``@pytest.mark.memory_baseline`` compares with the
reviewed entry of the test in the baseline, and the fixture ``memory_trace`` tells where the bytes are. It is loaded
in every session of those who have ladderscope installed, so torch is imported only where one of these is used.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ladderscope.regression.pytest_plugin.collected import Collecting
from ladderscope.regression.pytest_plugin.manager import Manager
from ladderscope.regression.pytest_plugin.marks import MARKERS
from ladderscope.regression.pytest_plugin.options import add_options, options_of
from ladderscope.regression.pytest_plugin.watch import MemoryOfTest, watch_of

__all__ = ["MemoryOfTest", "memory_trace", "pytest_addoption", "pytest_configure"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, and the ini keys that mirror them."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and refuse options that make no sense."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    collecting = Collecting()
    config.pluginmanager.register(Manager(config, options_of(config), collecting), "ladderscope-manager")
    config.pluginmanager.register(collecting, "ladderscope-collecting")


@pytest.fixture
def memory_trace(request: pytest.FixtureRequest) -> Iterator[MemoryOfTest]:
    """The GPU memory of the test, predicted or measured by ``--ladderscope-meter``.

    The body runs under prediction where this is used, and so do fixtures that use this themselves: a fixture that puts
    a model on the GPU takes it as an argument. It has ``peak_allocated_bytes``, ``peak_reserved_bytes``,
    ``breakdown()`` and ``top_allocations(n)``, and of a prediction all else that a ``MemoryTrace`` has, such as
    ``span(name)``. It may be read in the body at any time, and afterwards by fixtures that use it.
    """
    watch = watch_of(request.node)
    if watch is None:
        pytest.fail("ask for memory_trace as an argument of the test or of a fixture, not by its name.", pytrace=False)
    manager = request.config.pluginmanager.get_plugin("ladderscope-manager")
    assert isinstance(manager, Manager)
    with manager.watching(request.node, watch):
        yield watch.memory
