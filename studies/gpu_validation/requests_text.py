"""Differences between a recorded step and its prediction as Markdown. Sizes are in bytes, to the byte."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from ladderscope.units import counted
from studies.gpu_validation import markdown
from studies.gpu_validation.differences import Difference, Kind, kinds, place
from studies.gpu_validation.histories import History, Request
from studies.gpu_validation.lifetimes import Lifetime, held_at_start, lifetimes

_MOST_OF_A_RUN = 6
"""Sizes that are written out of one run."""


def difference_table(found: Sequence[Difference], most: int) -> str:
    """The first difference in a sentence, and the kinds of them, those of most bytes first."""
    if not found:
        return "Every request is predicted, in its size and its place."
    grouped = kinds(found)
    headings = ("times", "first at request", "only recorded", "only predicted", "behind (first)", "before (first)")
    title = f"### Requests that differ: {counted(len(found), 'difference')} of {counted(len(grouped), 'kind')}"
    rows = [_kind_row(kind) for kind in grouped[:most]]
    parts = [title, f"First: {_sentence(found[0])}", markdown.table(headings, rows, texts=len(headings))]
    return "\n\n".join([*parts, *_left_out(len(grouped) - most)])


def _sentence(first: Difference) -> str:
    recorded, predicted = run_of_sizes(first.recorded) or "nothing", run_of_requests(first.predicted) or "nothing"
    return (
        f"at request {first.at}, behind {_code(first.behind)} and before {_code(first.before)}, the recording has "
        f"{recorded} and the prediction has {predicted}."
    )


def _kind_row(kind: Kind) -> list[str]:
    first = kind.first
    sides = (run_of_sizes(first.recorded) or markdown.MISSING, run_of_requests(first.predicted) or markdown.MISSING)
    return [str(kind.times), str(first.at), *sides, _code(first.behind), _code(first.before)]


def run_of_sizes(sizes: Iterable[int]) -> str:
    """``"512, 3 × 4,194,304"``."""
    return _shortened([_times(len(list(group)), f"{size:,}") for size, group in itertools.groupby(sizes)])


def run_of_requests(requests: Iterable[Request]) -> str:
    """The same with module, operation, category and phase."""
    runs = itertools.groupby(requests, key=_described)
    return _shortened([_times(len(list(group)), text) for text, group in runs])


def _described(request: Request) -> str:
    if request.allocation is None:
        return f"{request.size:,}"
    return f"{request.size:,} {_code(place(request))} ({request.allocation.category}, {request.allocation.phase})"


def _times(count: int, text: str) -> str:
    return text if count == 1 else f"{count} × {text}"


def _shortened(runs: Sequence[str]) -> str:
    shown = ", ".join(runs[:_MOST_OF_A_RUN])
    return shown if len(runs) <= _MOST_OF_A_RUN else f"{shown} and {len(runs) - _MOST_OF_A_RUN} more"


def held_table(recorded: History, predicted: History, most: int) -> str:
    """Blocks that only one side held when the step began; empty where both held the same."""
    found = held_at_start(recorded, predicted)
    if not found:
        return ""
    rows = [
        [f"{one.size:,}", str(one.recorded), str(one.predicted), f"{one.num_bytes:,}", _places(one.where)]
        for one in found[:most]
    ]
    headings = ("size", "recorded blocks", "predicted", "bytes between", "predicted blocks of this size")
    parts = ["### Held at the start, and not by both", markdown.table(headings, rows, texts=len(headings))]
    return "\n\n".join([*parts, *_left_out(len(found) - most)])


def _places(where: Sequence[str]) -> str:
    return _shortened([_code(one) for one in where]) or markdown.MISSING


def lifetime_table(recorded: History, predicted: History, pairs: Sequence[tuple[int, int]], most: int) -> str:
    """Matched requests that are freed at another time than predicted; empty where there is none."""
    found = lifetimes(recorded, predicted, pairs)
    if not found:
        return ""
    rows = [[str(one.times), f"{one.size:,}", _code(one.where), _when(one)] for one in found[:most]]
    headings = ("times", "size", "operation (first)", "in the recording (first)")
    parts = ["### Matched requests that live for longer or shorter", markdown.table(headings, rows, texts=4)]
    return "\n\n".join([*parts, *_left_out(len(found) - most)])


def _when(one: Lifetime) -> str:
    if one.later_by is None:
        return "outlives the step" if one.outlives == "recorded" else "freed within the step, predicted to outlive it"
    return f"freed {counted(abs(one.later_by), 'request')} {'later' if one.later_by > 0 else 'earlier'}"


def _code(text: str) -> str:
    return f"`{text}`"


def _left_out(count: int) -> list[str]:
    return [f"{counted(count, 'kind')} more, of fewer bytes."] if count > 0 else []
