"""The engines that run cells elsewhere, by name. A new one is one file and one entry.

Others register theirs as an entry point of the group ``ladderscope.executors``, whose object is an
:class:`~ladderscope.sweep.executors.engine.Engine`. Ours are in the table below in the same form, so that they are
there in a checkout that was never installed. Their libraries are imported when they start.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.sweep.executors.engine import Engine

GROUP = "ladderscope.executors"
LOCAL = "local"
"""The processes of this machine: no engine, and the default."""

ENGINES = {
    "ray": "ladderscope.sweep.executors.ray:ENGINE",
    "slurm": "ladderscope.sweep.executors.slurm:ENGINE",
}


def find_engine(name: str) -> Engine:
    """The engine of that name.

    Raises:
        UnknownNameError: there is no such engine.
        UsageError: that of another package cannot be imported, or is none.
    """
    entry = EntryPoint(name, ENGINES[name], GROUP) if name in ENGINES else _find_registered(name)
    try:
        engine = entry.load()
    except (ImportError, AttributeError) as error:
        raise UsageError(f"the executor {name} cannot be imported from {entry.value}: {error}.") from error
    if not isinstance(engine, Engine):
        raise UsageError(f"the executor {name}: {entry.value} is no ladderscope.sweep.executors.engine.Engine.")
    return engine


def _find_registered(name: str) -> EntryPoint:
    known = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in known:
        raise UnknownNameError("executor", name, [LOCAL, *ENGINES, *known])
    return known[name]
