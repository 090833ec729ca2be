from __future__ import annotations

import collections
import gzip
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladderscope.errors import UsageError
from ladderscope.memory.allocator import CachingAllocator
from ladderscope.memory.replay import HistoryRecorder, read_traces, replay, snapshot_of
from ladderscope.units import MIB

Recorded = tuple[CachingAllocator, HistoryRecorder]


@pytest.fixture
def snapshot(record: Callable[..., Recorded]) -> dict[str, Any]:
    """Three allocations and a free."""
    allocator, recorder = record()
    kept = [allocator.malloc(size) for size in (100, 3 * MIB, 30 * MIB)]
    allocator.free(kept[1])
    return snapshot_of(allocator, recorder.events)


def pickled(path: Path, document: Any) -> Path:
    path.write_bytes(pickle.dumps(document))
    return path


def test_reads_a_pickled_snapshot(snapshot: dict[str, Any], tmp_path: Path) -> None:
    (trace,) = read_traces(pickled(tmp_path / "a.pickle", snapshot))
    assert (trace.name, trace.device) == ("a.pickle", 0)
    assert [event.action for event in trace.events].count("alloc") == 3
    assert len(trace.final_segments) == 3


def test_each_device_with_a_history_is_a_trace(snapshot: dict[str, Any], tmp_path: Path) -> None:
    entries, segments = snapshot["device_traces"][0], snapshot["segments"]
    snapshot["device_traces"] = [[], entries, entries]
    snapshot["segments"] = [{**segment, "device": device} for device in (1, 2) for segment in segments]
    traces = read_traces(pickled(tmp_path / "a.pickle", snapshot))
    assert [trace.device for trace in traces] == [1, 2]
    assert all(replay(trace).is_exact for trace in traces)


def test_reads_snapshots_of_older_pytorch(snapshot: dict[str, Any], tmp_path: Path) -> None:
    """Blocks without addresses, no settings, no pools."""
    del snapshot["allocator_settings"], snapshot["external_annotations"]
    for segment in snapshot["segments"]:
        del segment["segment_pool_id"], segment["is_expandable"], segment["device"]
        for block in segment["blocks"]:
            del block["address"], block["frames"]
    for entry in snapshot["device_traces"][0]:
        del entry["pool_id"], entry["time_us"]
    (trace,) = read_traces(pickled(tmp_path / "a.pickle", snapshot))
    assert replay(trace).is_exact


def test_entries_that_move_no_memory_are_passed_over(snapshot: dict[str, Any], tmp_path: Path) -> None:
    snapshot["device_traces"][0] += [
        {"action": "oom", "device_free": 5, "size": 10, "stream": 0, "frames": []},
        {"action": "snapshot", "addr": 0, "size": 10, "stream": 0, "frames": []},
    ]
    (trace,) = read_traces(pickled(tmp_path / "a.pickle", snapshot))
    assert replay(trace).is_exact


def test_a_private_pool_shares_no_blocks_with_the_others(record: Callable[..., Recorded], tmp_path: Path) -> None:
    allocator, recorder = record()
    # Streams stand in for pools here: free memory of one is not used by the other.
    allocator.free(allocator.malloc(30 * MIB, stream=0))
    allocator.malloc(30 * MIB, stream=5)
    document = snapshot_of(allocator, recorder.events)
    for entry in [*document["device_traces"][0], *document["segments"]]:
        if entry["stream"] == 5:
            entry["stream"] = 0
            entry["pool_id" if "action" in entry else "segment_pool_id"] = (0, 1)
    (trace,) = read_traces(pickled(tmp_path / "a.pickle", document))
    assert replay(trace).is_exact


def test_ordered_dicts_are_plain_data(snapshot: dict[str, Any], tmp_path: Path) -> None:
    ordered = collections.OrderedDict(snapshot)
    assert len(read_traces(pickled(tmp_path / "a.pickle", ordered))) == 1


class _RunsCode:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        import os

        return os.mkdir, ("was-run",)


def test_a_pickle_with_code_in_it_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = pickled(tmp_path / "evil.pickle", {"segments": [], "device_traces": [[_RunsCode()]]})
    with pytest.raises(UsageError, match=r"more than plain data in it \(posix.mkdir\)"):
        read_traces(path)
    assert not (tmp_path / "was-run").exists()


def write_truncated_gzip(path: Path) -> None:
    path.write_bytes(gzip.compress(json.dumps({"events": [["alloc", 1, 2, 0]] * 1000}).encode())[:40])


def write_corrupt_gzip(path: Path) -> None:
    data = bytearray(gzip.compress(b'{"events": [], "final_segments": []}' * 50))
    data[20:30] = bytes(10)
    path.write_bytes(bytes(data))


def write_truncated_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"segments": list(range(1000))})[:-100])


def write_json(document: Any) -> Callable[[Path], object]:
    return lambda path: path.write_text(json.dumps(document))


def write_pickle(document: Any) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(pickle.dumps(document))


EMPTY: dict[str, Any] = {"segments": [], "device_traces": [[]]}
WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "not there": (lambda path: None, "cannot read"),
    "a folder": (lambda path: path.mkdir(), "cannot read"),
    "an empty file": (lambda path: path.write_bytes(b""), "is not a memory snapshot"),
    "a picture": (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n"), "is not a memory snapshot"),
    "a truncated gzip": (write_truncated_gzip, "is a broken gzip file"),
    "a corrupt gzip": (write_corrupt_gzip, "is a broken gzip file"),
    "a truncated pickle": (write_truncated_pickle, "is a broken pickle"),
    "a pickled list": (write_pickle([1, 2]), "is not a memory snapshot"),
    "another pickled dict": (write_pickle({"weights": 1}), "is not a memory snapshot"),
    "a record of something else": (write_json({"method": "lora"}), "is not a memory snapshot"),
    "events of another shape": (write_json({"events": [[1, 2]], "final_segments": []}), "is not a memory snapshot"),
    "segments as a number": (write_pickle({"segments": 3, "device_traces": [[{}]]}), "is not a memory snapshot"),
    "a size that no device has": (
        write_json({"events": [["alloc", 0, 2**60, 0]], "final_segments": []}),
        "has sizes that no device has",
    ),
    "no history": (write_pickle(EMPTY), "has no allocation in its history"),
    "no event": (write_json({"events": [], "final_segments": []}), "has no allocation in its history"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_file_is_one_sentence(what: str, tmp_path: Path) -> None:
    write, message = WRONG[what]
    write(path := tmp_path / "file")
    with pytest.raises(UsageError, match=message) as caught:
        read_traces(path)
    assert "\n" not in str(caught.value)


def test_a_history_that_contradicts_its_segments_is_refused(snapshot: dict[str, Any], tmp_path: Path) -> None:
    del snapshot["device_traces"][0][1]
    snapshot["device_traces"][0].insert(0, {"action": "alloc", "addr": 77, "size": 10, "stream": 0, "frames": []})
    (trace,) = read_traces(pickled(tmp_path / "a.pickle", snapshot))
    with pytest.raises(UsageError, match="the history is not whole"):
        replay(trace)
