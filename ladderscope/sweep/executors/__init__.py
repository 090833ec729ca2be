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
    known = {entry.name: entry for entry in entry_points(group=GROUP)}
    known |= {ours: EntryPoint(ours, where, GROUP) for ours, where in ENGINES.items()}
    if name not in known:
        raise UnknownNameError("executor", name, [LOCAL, *known])
    try:
        engine = known[name].load()
    except (ImportError, AttributeError) as error:
        raise UsageError(f"the executor {name} cannot be imported from {known[name].value}: {error}.") from error
    if not isinstance(engine, Engine):
        raise UsageError(f"the executor {name}: {known[name].value} is no ladderscope.sweep.executors.engine.Engine.")
    return engine
