"""Histories of PyTorch's allocator: the blocks at the peak, and the user's lines that made them."""

from __future__ import annotations

import gzip
import itertools
import json
import sysconfig
from pathlib import Path
from typing import Any

import torch

from ladderscope.regression.pytest_plugin.history import BEFORE, NO_LINE, blocks_at_peak, line_of

ROOT = Path("/project")
LIBRARY = sysconfig.get_path("purelib")


def frame(filename: str, line: int, name: str = "step") -> dict[str, Any]:
    return {"filename": filename, "line": line, "name": name}


def alloc(address: int, size: int, line: int = 1) -> dict[str, Any]:
    return {"action": "alloc", "addr": address, "size": size, "frames": [frame("/project/train.py", line)]}


def free(address: int, size: int) -> list[dict[str, Any]]:
    return [{"action": action, "addr": address, "size": size} for action in ("free_requested", "free_completed")]


def found(history: list[dict[str, Any]], before_bytes: int = 0) -> list[tuple[int, str]]:
    blocks = blocks_at_peak(history, before_bytes, ROOT)
    return sorted((block.num_bytes, block.operation) for block in blocks)


def test_blocks_are_those_of_the_first_moment_with_most() -> None:
    history = [alloc(1, 100, 10), alloc(2, 300, 20), *free(1, 100), alloc(1, 50, 30), *free(2, 300), alloc(2, 350, 40)]
    assert found(history) == [(100, "train.py:10 in step"), (300, "train.py:20 in step")]


def test_an_address_is_used_again() -> None:
    history = [alloc(1, 100, 10), *free(1, 100), alloc(1, 200, 20)]
    assert found(history) == [(200, "train.py:20 in step")]


def test_what_was_there_before_is_one_block_that_may_shrink() -> None:
    assert found([alloc(1, 100, 10)], 1000) == [(100, "train.py:10 in step"), (1000, BEFORE)]
    assert found([*free(7, 400), alloc(1, 500, 10)], 1000) == [(500, "train.py:10 in step"), (600, BEFORE)]
    assert found([*free(7, 400), alloc(1, 100, 10)], 1000) == [(1000, BEFORE)]


def test_other_entries_of_a_history_do_not_count() -> None:
    segment = {"action": "segment_alloc", "addr": 1, "size": 2**21, "frames": []}
    snapshot = {"action": "snapshot", "addr": 0, "size": 0, "frames": []}
    assert found([segment, alloc(1, 100, 10), snapshot]) == [(100, "train.py:10 in step")]


def test_a_history_may_have_but_one_of_the_two_entries_of_a_free() -> None:
    for kept in (0, 1):
        assert found([alloc(1, 100), free(1, 100)[kept], alloc(2, 150, 20)], 50) == [
            (50, BEFORE),
            (150, "train.py:20 in step"),
        ]


def test_an_empty_history_has_no_blocks() -> None:
    assert found([]) == []


def test_the_blocks_of_a_recorded_history_sum_to_its_peak(allocator_traces: Path) -> None:
    with gzip.open(allocator_traces / "lm_ctx128_forward.json.gz", "rt") as file:
        events = json.load(file)["events"]
    history = [{"action": action, "addr": address, "size": size} for action, address, size, _ in events]
    signs = {"alloc": 1, "free_completed": -1}
    sums = list(itertools.accumulate(signs.get(entry["action"], 0) * entry["size"] for entry in history))
    before_bytes = 10 * 2**30
    blocks = found(history, before_bytes)
    assert sum(num_bytes for num_bytes, _ in blocks) == before_bytes + max(sums)
    assert max(sums) > 0
    assert {line for _, line in blocks} == {NO_LINE, BEFORE}


def test_the_line_is_the_innermost_of_the_users_own_code() -> None:
    frames = [
        frame("??", 0, "CUDACachingAllocator"),
        frame(f"{Path(torch.__file__).parent}/nn/modules/linear.py", 125, "forward"),
        frame(f"{LIBRARY}/transformers/trainer.py", 9, "train"),
        frame("/project/models/block.py", 31, "forward"),
        frame("/project/tests/test_it.py", 7, "test_it"),
        frame(f"{LIBRARY}/_pytest/python.py", 1, "call"),
    ]
    assert line_of(frames, ROOT) == "models/block.py:31 in forward"
    assert line_of(frames, Path("/elsewhere")) == "/project/models/block.py:31 in forward"


def test_without_a_line_of_the_users_it_is_the_innermost_one() -> None:
    assert line_of([frame(f"{LIBRARY}/a.py", 3, "f"), frame(f"{LIBRARY}/b.py", 4, "g")], ROOT).endswith("a.py:3 in f")
    assert line_of([frame("??", 0, "??")], ROOT) == NO_LINE
    assert line_of([], ROOT) == NO_LINE
