"""Reads memory histories: PyTorch's snapshots (``.pickle``) and the compact form (``.json``, ``.json.gz``).

Both are told apart by content. A file gives one trace for each device with a history.
"""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

from ladderscope.errors import UsageError
from ladderscope.memory.replay.compact import compact_trace
from ladderscope.memory.replay.plain_pickle import NotPlainDataError, load_plain
from ladderscope.memory.replay.pytorch import snapshot_traces
from ladderscope.memory.replay.trace import Trace

MAX_BYTES = 2**42
"""More than any device has."""

_GZIP_MAGIC, _PICKLE_MAGIC = b"\x1f\x8b", b"\x80"

HOW_TO_RECORD = (
    "record one with torch.cuda.memory._record_memory_history() and torch.cuda.memory._dump_snapshot('file.pickle')"
)


def read_traces(path: Path) -> list[Trace]:
    """The traces in a file, one per device that has a history.

    Raises:
        UsageError: the file is missing, broken, no memory history, holds no event, or is a pickle with code in it.
    """
    document = _read_document(path)
    try:
        traces = _traces(path.name, document)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"{path} is not a memory snapshot: {HOW_TO_RECORD}.") from error
    if not any(event.action == "alloc" for trace in traces for event in trace.events):
        raise UsageError(f"{path} has no allocation in its history: {HOW_TO_RECORD}.")
    for trace in traces:
        _check_sizes(path, trace)
    return [trace for trace in traces if trace.events]


def _check_sizes(path: Path, trace: Trace) -> None:
    sizes = [*(event.size for event in trace.events), *(segment.total_size for segment in trace.final_segments)]
    if any(not 0 <= size <= MAX_BYTES for size in sizes):
        raise UsageError(f"{path} has sizes that no device has: it is broken, so {HOW_TO_RECORD}.")


def _traces(name: str, document: Any) -> list[Trace]:
    if not isinstance(document, dict):
        raise TypeError("a memory history is a dict")
    if "device_traces" in document:
        return snapshot_traces(name, document)
    return [compact_trace(name, document)]


def _read_document(path: Path) -> Any:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}.") from error
    if data.startswith(_GZIP_MAGIC):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise UsageError(f"{path} is a broken gzip file: copy or download it again.") from error
    return _unpickle(path, data) if data.startswith(_PICKLE_MAGIC) else _read_json(path, data)


def _unpickle(path: Path, data: bytes) -> Any:
    try:
        return load_plain(data)
    except NotPlainDataError as error:
        raise UsageError(
            f"{path} is a pickle with more than plain data in it ({error}) and was not opened: it could run any code."
        ) from error
    # A broken pickle can raise almost anything.
    except Exception as error:
        raise UsageError(f"{path} is a broken pickle: copy it again, or {HOW_TO_RECORD}.") from error


def _read_json(path: Path, data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not a memory snapshot: {HOW_TO_RECORD}.") from error
