"""Reads a recorded history of PyTorch's allocator: which blocks are in use at its peak, and which code made them."""

from __future__ import annotations

import functools
import importlib.util
import os
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ladderscope.memory.predict.allocations import Allocation

OTHER = "other"
BEFORE = "in use before the test's body began"
NO_LINE = "no line of Python (backward passes run in a thread of autograd's)"


def blocks_at_peak(history: Sequence[Mapping[str, Any]], before_bytes: int, root: Path) -> list[Allocation]:
    """The blocks that are in use at the first moment at which most is.

    Args:
        history: of one device, as in the ``device_traces`` of ``torch.cuda.memory._snapshot()``.
        before_bytes: that were allocated when the recording began; they are one block here.
        root: the files below it are named relative to it.

    Returns:
        The blocks in no order; ``operation`` is the line of code, ``"train.py:12 in forward"``.
    """
    live: dict[int, int] = {}
    older, now = before_bytes, before_bytes
    peak, at_peak, older_at_peak = before_bytes, list[int](), before_bytes
    for index, entry in _moves(history):
        if entry["action"] == "alloc":
            live[entry["addr"]] = index
            now += entry["size"]
            if now > peak:
                peak, at_peak, older_at_peak = now, list(live.values()), older
        else:
            now -= entry["size"]
            if live.pop(entry["addr"], None) is None:
                older -= entry["size"]
    blocks = [_block(history[index], index, root) for index in at_peak]
    return [*blocks, _older(older_at_peak)] if older_at_peak > 0 else blocks


def _moves(history: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Allocations and frees with their places; a block is free as soon as that is asked for, so once."""
    requested = set()
    for index, entry in enumerate(history):
        action, address = entry["action"], entry["addr"]
        if action == "free_requested":
            requested.add(address)
            yield index, entry
        elif action == "free_completed" and address in requested:
            requested.remove(address)
        elif action in ("alloc", "free_completed"):
            yield index, entry


def _block(entry: Mapping[str, Any], number: int, root: Path) -> Allocation:
    line = line_of(entry.get("frames", ()), root)
    return Allocation(number, entry["size"], entry["size"], entry["addr"], OTHER, "", line, "")


def _older(num_bytes: int) -> Allocation:
    return Allocation(-1, num_bytes, num_bytes, 0, OTHER, "", BEFORE, "")


def line_of(frames: Sequence[Mapping[str, Any]], root: Path) -> str:
    """The innermost line of the user's own code, ``"train.py:12 in forward"``; else the innermost line of any.

    Args:
        frames: innermost first, each with ``filename``, ``line`` and ``name``.
        root: files below it are named relative to it.
    """
    python = [frame for frame in frames if frame["filename"].endswith(".py")]
    for frame in [*(frame for frame in python if _is_users(frame["filename"])), *python]:
        path = Path(frame["filename"])
        shown = path.relative_to(root) if path.is_relative_to(root) else path
        return f"{shown}:{frame['line']} in {frame['name']}"
    return NO_LINE


def _is_users(filename: str) -> bool:
    return not filename.startswith(_libraries())


@functools.cache
def _libraries() -> tuple[str, ...]:
    """Folders with code that is not the user's: Python's, installed packages', PyTorch's and ladderscope's own."""
    folders = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    for package in ("torch", "ladderscope"):
        spec = importlib.util.find_spec(package)
        folders |= set(spec.submodule_search_locations or ()) if spec is not None else set()
    return tuple(sorted(folder + os.sep for folder in folders))
