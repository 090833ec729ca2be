"""Variants spell all their choices out."""

from __future__ import annotations

import dataclasses

import pytest
from peft import PeftConfig

from ladderscope.methods.settings import parse_settings
from ladderscope.methods.side import LadderConfig
from ladderscope.studies.variants.plan import REFERENCE_SETTINGS, Plan, variant

PLAN = Plan(variants=(variant("a", (4, 8)), variant("b", (8,), taps="every:2"), variant("c", (4,))), seeds=(0, 1))
OF_THE_CELL = {"reduction_factor", "loss_impl", "side_dtype"}
"""Choices that fields of a cell make."""
UNSET = {"side_width", "side_ffn_width", "backbone_chunk_tokens", "target_modules", "modules_to_save"}
"""Choices that are not made where they are None."""


def test_every_choice_of_a_side_network_is_made_so_that_another_default_changes_no_cell() -> None:
    fields = {one.name for one in dataclasses.fields(LadderConfig)} - {
        one.name for one in dataclasses.fields(PeftConfig)
    }
    assert fields - OF_THE_CELL - UNSET - {"ladderscope_version"} == set(REFERENCE_SETTINGS)
    assert {name: getattr(LadderConfig(), name) for name in UNSET} == dict.fromkeys(UNSET)


@pytest.mark.parametrize(
    ("changed", "left_out"),
    [
        ({}, {"downsample_rank", "importance"}),
        ({"downsample": "adapter"}, {"basis", "importance"}),
        ({"downsample": "max-pool"}, {"basis", "downsample_rank", "importance"}),
        ({"init": "pruned"}, {"downsample_rank"}),
    ],
)
def test_what_decides_nothing_beside_the_other_choices_is_left_out(
    changed: dict[str, str], left_out: set[str]
) -> None:
    settings = parse_settings(variant("one", (8,), **changed).settings)
    assert settings == {
        name: value for name, value in {**REFERENCE_SETTINGS, **changed}.items() if name not in left_out
    }
    assert LadderConfig(**settings)


def test_a_variant_has_one_text_for_its_settings() -> None:
    assert "taps=every:2" in PLAN.variants[1].settings.split()
    assert variant("x", (4,), gate="none", init="he") == variant("x", (4,), init="he", gate="none")


def test_a_part_of_a_plan_is_in_the_order_that_is_asked_for() -> None:
    part = PLAN.part(("b", "a"), reductions=(8,), seeds=(1,))
    assert [one.name for one in part.variants] == ["b", "a"]
    assert part.reference.name == "b"
    assert {one.reductions for one in part.variants} == {(8,)}
    assert PLAN.named(("c",)) == PLAN.others[1:]
