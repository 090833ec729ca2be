from __future__ import annotations

from ladderscope.regression.shared_causes import shared_lines
from ladderscope.regression.verdict import EntryVerdict, Growth

SLIP = "side_network.blocks.2: mul.Tensor"


def regressed(name: str, *growths: tuple[str, int, int]) -> EntryVerdict:
    return EntryVerdict(name, "regression", growths=[Growth("peak", "activations", *growth) for growth in growths])


def test_a_place_that_grew_in_all_is_told_once_with_the_range_of_its_growth() -> None:
    lines = shared_lines([regressed("a", (SLIP, 0, 1024)), regressed("b", (SLIP, 0, 4096), ("lm_head: mm", 0, 8192))])
    assert lines == [f"In all 2 regressions {SLIP} grew (activations, +1 KiB to +4 KiB)."]


def test_places_in_more_regressions_come_first() -> None:
    both = ((SLIP, 0, 512), ("lm_head: mm", 512, 1024))
    lines = shared_lines([regressed("a", *both), regressed("b", *both), regressed("c", both[0])])
    assert lines == [
        f"In all 3 regressions {SLIP} grew (activations, +512 B).",
        "In 2 of 3 regressions lm_head: mm grew (activations, +512 B).",
    ]


def test_folded_places_count_as_many() -> None:
    lines = shared_lines([regressed(name, ("model.layers.{0-3}: add", 0, 256)) for name in "ab"])
    assert lines == ["In all 2 regressions model.layers.{0-3}: add grew (activations, +1 KiB)."]


def test_what_shrank_or_grew_once_is_not_shared() -> None:
    assert shared_lines([regressed("a", (SLIP, 9, 1)), regressed("b", (SLIP, 9, 1))]) == []
    assert shared_lines([regressed("a", (SLIP, 0, 1)), regressed("b", ("lm_head: mm", 0, 1))]) == []
    assert shared_lines([]) == []


def test_modules_that_were_renamed_grew_nowhere() -> None:
    renamed = (("side.blocks.2: mul", 0, 64), ("side.layers.2: mul", 64, 0))
    lines = shared_lines([regressed(name, *renamed, (SLIP, 0, 512)) for name in "ab"])
    assert lines == [f"In all 2 regressions {SLIP} grew (activations, +512 B)."]
