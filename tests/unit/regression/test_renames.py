from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ladderscope.regression.renames import without_renames
from ladderscope.regression.verdict import Growth, Moment


def grown(place: str, before: int, after: int, category: str = "activations", moment: Moment = "peak") -> Growth:
    return Growth(moment, category, place, before, after)


def sums(growths: Sequence[Growth]) -> Counter[tuple[str, str]]:
    counts = Counter[tuple[str, str]]()
    for growth in growths:
        counts[growth.moment, growth.category] += growth.change
    return counts


class TestWhatIsRenamed:
    def test_a_beginning_of_names_is_one_rule_for_all_below_it(self) -> None:
        growths = [
            grown("side.layers.{0-3}.mlp: mm", 8, 0),
            grown("side.layers.{0-3}.norm: mul", 4, 0),
            grown("side.blocks.{0-3}.mlp: mm", 0, 8),
            grown("side.blocks.{0-3}.norm: mul", 0, 4),
        ]
        assert without_renames(growths) == (
            [],
            ["8 places have other names: side.layers.* is now side.blocks.*."],
        )

    def test_a_last_name_changed_in_all_blocks(self) -> None:
        growths = [grown("h.{0-2}.q_proj: mm", 8, 0), grown("h.{0-2}.query: mm", 0, 8)]
        assert without_renames(growths)[1] == ["3 places have other names: h.*.q_proj is now h.*.query."]

    def test_of_several_that_fit_the_most_alike_are_paired(self) -> None:
        old = [grown(f"h.{name}: mm", 8, 0) for name in ("q_proj", "k_proj", "v_proj")]
        new = [grown(f"h.{name}: mm", 0, 8) for name in ("value", "query", "key")]
        rest, (sentence,) = without_renames([*old, *new])
        assert rest == []
        assert "h.q_proj is now h.query" in sentence
        assert "h.k_proj is now h.key" in sentence

    def test_a_place_of_two_moments_counts_once(self) -> None:
        growths = [
            growth
            for moment in ("peak", "saved for backward")
            for growth in (grown("a.x: mm", 8, 0, moment=moment), grown("b.x: mm", 0, 8, moment=moment))
        ]
        assert without_renames(growths) == ([], ["1 place has another name: a.* is now b.*."])

    def test_more_than_three_rules_are_counted(self) -> None:
        letters = "abcde"
        old = [grown(f"old_{letter}: mm", size, 0) for size, letter in enumerate(letters, 1)]
        new = [grown(f"new_{letter}: mm", 0, size) for size, letter in enumerate(letters, 1)]
        (sentence,) = without_renames([*old, *new])[1]
        assert sentence.startswith("5 places have other names: old_a is now new_a, ")
        assert sentence.endswith(", and 2 more.")

    def test_a_beginning_that_became_longer(self) -> None:
        growths = [grown("model.h.{0-1}: mm", 8, 0), grown("wrapped.model.h.{0-1}: mm", 0, 8)]
        assert without_renames(growths)[1] == ["2 places have other names: model.* is now wrapped.model.*."]


class TestWhatIsNot:
    def test_other_bytes_another_operation_block_category_or_moment(self) -> None:
        for other in (
            grown("b.3.x: mm", 0, 9),
            grown("b.3.x: mul", 0, 8),
            grown("b.4.x: mm", 0, 8),
            grown("b.3.x: mm", 0, 8, category="weights"),
            grown("b.3.x: mm", 0, 8, moment="saved for backward"),
        ):
            growths = [grown("a.3.x: mm", 8, 0), other]
            assert without_renames(growths) == (growths, [])

    def test_what_runs_outside_of_modules_has_no_name_to_change(self) -> None:
        growths = [grown("(outside of modules, forward): mm", 8, 0), grown("(outside of modules, backward): mm", 0, 8)]
        assert without_renames(growths) == (growths, [])


def test_sums_are_as_they_were_and_the_largest_growth_is_first() -> None:
    growths = [
        grown("new.{0-3}.x: mm", 0, 8),
        grown("lm_head: mm", 2, 4),
        grown("new.{0-3}.y: mm", 0, 5),
        grown("gone: mm", 3, 0),
        grown("old.{0-2}.y: mm", 4, 0),
        grown("old.{0-3}.x: mm", 8, 0),
        grown("head: weight", 4, 5, category="weights", moment="saved for backward"),
    ]
    rest, (sentence,) = without_renames(growths)
    assert sums(rest) == sums(growths)
    assert [(growth.place, growth.before, growth.after) for growth in rest] == [
        ("new.3.y: mm", 0, 5),
        ("new.{0-2}.y: mm", 4, 5),
        ("lm_head: mm", 2, 4),
        ("gone: mm", 3, 0),
        ("head: weight", 4, 5),
    ]
    assert sentence == "7 places have other names: old.* is now new.*."
