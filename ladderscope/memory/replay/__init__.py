"""Recorded memory histories: reading and writing PyTorch's snapshots, and replaying them through the allocator."""

from ladderscope.memory.replay.compact import read_about, write_compact
from ladderscope.memory.replay.history import Frame, HistoryEvent, HistoryRecorder
from ladderscope.memory.replay.reader import read_traces
from ladderscope.memory.replay.run import ReplayResult, replay
from ladderscope.memory.replay.snapshot import make_snapshot, snapshot_of, write_snapshot
from ladderscope.memory.replay.trace import PREDICTED_BY, Trace, TraceEvent

__all__ = [
    "PREDICTED_BY",
    "Frame",
    "HistoryEvent",
    "HistoryRecorder",
    "ReplayResult",
    "Trace",
    "TraceEvent",
    "make_snapshot",
    "read_about",
    "read_traces",
    "replay",
    "snapshot_of",
    "write_compact",
    "write_snapshot",
]
