"""Recordings made on the simulated GPU are predicted to the byte; damaged ones are told from it, and where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladderscope.memory.predict.gpus import find_gpu
from studies.gpu_validation.differences import kinds, place
from studies.gpu_validation.histories import History
from studies.gpu_validation.lifetimes import held_at_start, lifetimes
from studies.gpu_validation.recordings import predict_recording, read_recording
from studies.gpu_validation.requests import StepComparison, describe, main

Document = dict[str, Any]
Write = Callable[..., Path]
Compare = Callable[..., StepComparison]
ACTIVATION = "model.layers.2.mlp.act_fn: silu"


@pytest.fixture(scope="module")
def predictions() -> dict[str, Any]:
    """Of the cell of every recording here: there is but one."""
    return {}


@pytest.fixture
def compared(write_recording: Write, predictions: dict[str, Any]) -> Compare:
    """Compares a recording, damaged if asked for, with its prediction, which is made once."""

    def compare(damage: Callable[[Document], None] = lambda document: None) -> StepComparison:
        recording = read_recording(write_recording(damage))
        if not predictions:
            predictions[""] = predict_recording(recording)
        return StepComparison(recording, predictions[""])

    return compare


def requests_at(history: History, where: str) -> list[int]:
    """Which requests of a prediction are made there."""
    return [i for i, request in enumerate(history.requests) if place(request).startswith(where)]


def events_of(document: Document, number: int) -> list[int]:
    """The events of a request: the allocation and what frees it."""
    events = document["events"]
    at = [i for i, event in enumerate(events) if event[0] == "alloc"][number]
    address = events[at][1]
    found = [at]
    for i in range(at + 1, len(events)):
        if events[i][1] == address and events[i][0] == "alloc":
            break
        if events[i][1] == address and events[i][0].startswith("free"):
            found.append(i)
    return found


def test_an_undamaged_recording_is_predicted_to_the_byte(compared: Compare) -> None:
    found = compared()
    assert len(found.recorded.requests) > 500
    assert found.match_share == found.allocated_ratio == found.reserved_ratio == 1.0
    assert found.differences == []
    assert held_at_start(found.recorded, found.predicted) == []
    assert lifetimes(found.recorded, found.predicted, found.pairs) == []
    text = describe(found, 20)
    assert "Every request is predicted, in its size and its place." in text
    assert "###" not in text


def test_a_request_that_the_recording_lacks_is_named(compared: Compare) -> None:
    (number, *_) = requests_at(compared().predicted, ACTIVATION)

    def drop(document: Document) -> None:
        gone = set(events_of(document, number))
        document["events"] = [event for i, event in enumerate(document["events"]) if i not in gone]

    found = compared(drop)
    (difference,) = found.differences
    assert difference.recorded == ()
    assert difference.at == number
    assert [place(request) for request in difference.predicted] == [ACTIVATION]
    assert found.match_share == pytest.approx(1 - 1 / len(found.predicted.requests))
    assert f"`{ACTIVATION}` (activations, forward)" in describe(found, 20)


def test_the_same_difference_in_every_block_is_one_line(compared: Compare) -> None:
    clean = compared().predicted
    numbers = requests_at(clean, "model.layers")
    chosen = [number for number in numbers if place(clean.requests[number]).endswith("act_fn: silu")]

    def enlarge(document: Document) -> None:
        for number in chosen:
            for event in events_of(document, number):
                document["events"][event][2] += 4096

    found = compared(enlarge)
    (kind,) = kinds(found.differences)
    assert kind.times == len(chosen) == 4
    size = kind.first.predicted[0].size
    assert kind.first.recorded == (size + 4096,)
    assert (
        f"| 4 | {chosen[0]} | {size + 4096:,} | {size:,} `model.layers.0.mlp.act_fn: silu` (activations, forward) |"
        in (describe(found, 20))
    )


def test_a_request_that_only_the_recording_has_stands_between_its_neighbours(compared: Compare) -> None:
    (number, *_) = requests_at(compared().predicted, ACTIVATION)

    def add(document: Document) -> None:
        at = events_of(document, number)[0] + 1
        document["events"][at:at] = [
            [action, 2**50, 7777, 0] for action in ("alloc", "free_requested", "free_completed")
        ]

    found = compared(add)
    (difference,) = found.differences
    assert (difference.recorded, difference.predicted, difference.behind) == ((7777,), (), ACTIVATION)
    assert difference.before == place(found.predicted.requests[number + 1])
    assert f"behind `{ACTIVATION}`" in describe(found, 20)
    assert "the recording has 7,777 and the prediction has nothing." in describe(found, 20)


def test_a_block_that_is_freed_later_is_named(compared: Compare) -> None:
    clean = compared()
    request = next(
        i for i in requests_at(clean.predicted, "model.layers") if clean.predicted.requests[i].freed_behind == i + 1
    )

    def delay(document: Document) -> None:
        _, *frees = events = events_of(document, request)
        for i in events:  # so that the block is in nobody's way
            document["events"][i][1] = 2**50
        moved = [document["events"][i] for i in frees]
        later = events_of(document, request + 9)[0]
        document["events"][later + 1 : later + 1] = moved
        for i in reversed(frees):
            del document["events"][i]

    found = compared(delay)
    assert found.match_share == 1.0
    (lifetime,) = lifetimes(found.recorded, found.predicted, found.pairs)
    where = place(clean.predicted.requests[request])
    assert (lifetime.times, lifetime.where, lifetime.later_by) == (1, where, 9)
    assert f"`{where}` | freed 9 requests later |" in describe(found, 20)


def test_what_only_one_side_held_at_the_start_is_listed(compared: Compare) -> None:
    weight = next(request for request in compared().predicted.at_start if "embed_tokens" in place(request))

    def grow(document: Document) -> None:
        blocks = [block for segment in document["final_segments"] for block in segment["blocks"]]
        next(block for block in blocks if block["requested_size"] == weight.size)["requested_size"] -= 8

    found = compared(grow)
    sizes = {(one.size, one.recorded - one.predicted) for one in held_at_start(found.recorded, found.predicted)}
    assert sizes == {(weight.size, -1), (weight.size - 8, 1)}
    assert f"`{place(weight)}`" in describe(found, 20)


def test_only_as_many_kinds_are_listed_as_asked_for(compared: Compare) -> None:
    def shrink(document: Document) -> None:
        for number in range(0, 60, 3):
            document["events"][events_of(document, number)[0]][2] += 1

    text = describe(compared(shrink), 2)
    assert "kinds more, of fewer bytes." in text
    assert text.count("\n| 1 |") <= 4


def test_other_versions_are_mentioned(compared: Compare) -> None:
    found = compared(lambda document: document["about"].update(torch="2.9.1+cu130"))
    assert "Recorded with torch 2.9.1+cu130, here" in describe(found, 20)
    assert compared().recording.remark() == ""


def test_the_command_prints_every_trace_and_a_summary(
    write_recording: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(write_recording())]) == 0
    output = capsys.readouterr().out
    assert "## tiny: tiny-llama lora r=4, 32 tokens" in output
    assert output.rstrip().splitlines()[-1].startswith("| tiny | ")
    assert "| 100.00% | 1.0000 | 1.0000 | 0 |" in output


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda document: document.pop("about"), "does not say which cell it is of"),
        (lambda document: document["about"].pop("peak_reserved_bytes"), "does not say which cell it is of"),
        (lambda document: document["about"].update(gpu="Voodoo 2"), "Voodoo 2, which is not in gpus.yaml"),
        (lambda document: document.update(events=[]), "no allocation in its history"),
    ],
)
def test_what_is_no_recording_is_refused_in_a_sentence(
    write_recording: Write, capsys: pytest.CaptureFixture[str], damage: Callable[[Document], None], message: str
) -> None:
    assert main([str(write_recording(damage))]) == 2
    assert message in capsys.readouterr().err


def test_the_gpu_is_found_by_its_title(compared: Compare) -> None:
    assert compared().recording.gpu == find_gpu("t4-16gb").title
