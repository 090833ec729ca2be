from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from ladderscope.scaling.results.choice import Extrapolation
from ladderscope.scaling.results.estimates import Estimate
from ladderscope.scaling.results.scaling_fit import ChecklistItem, ScalingFit
from ladderscope.scaling.sentences import extrapolation_sentences, lines_below
from ladderscope.scaling.terminal import print_fit
from ladderscope.scaling.text import format_ends, format_interval
from ladderscope.scaling.verdicts import pair_sentences, verdict_sentence
from ladderscope.units import format_flops

Examples = dict[str, ScalingFit]


def printed(fit: ScalingFit, width: int = 200) -> str:
    stream = io.StringIO()
    print_fit(fit, Console(width=width, file=stream, no_color=True))
    return stream.getvalue()


def in_one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal(scaling_examples: Examples, width: int) -> None:
    for fit in scaling_examples.values():
        assert max(len(line.rstrip()) for line in printed(fit, width).splitlines()) <= width


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_columns_that_do_not_fit_are_named_and_the_slope_stays(scaling_examples: Examples, width: int) -> None:
    text = printed(scaling_examples["all pairs"], width)

    table, _, hidden = text.split("x^-lambda")[1].split("Local slope:")[0].partition("Not shown at this width:")
    for column in ("lambda", "E", "B", "runs", "rmsd"):
        assert bool(re.search(rf" {column}(?: |$)", table, re.MULTILINE)) != bool(re.search(rf"\b{column}\b", hidden))
    assert " lambda " in table
    assert bool(hidden) == (width < 120)


@pytest.mark.parametrize("width", [80, 120])
def test_few_groups_with_many_columns_are_turned(scaling_examples: Examples, width: int) -> None:
    table = printed(scaling_examples["inconclusive"], width).split("Local slope:")[0]

    assert "Not shown" not in table
    assert re.search(r"^ method +ladder +qlora", table, re.MULTILINE)
    assert re.search(r"^ runs +12 +12", table, re.MULTILINE)


def test_a_fit_starts_with_its_law(scaling_examples: Examples) -> None:
    assert printed(scaling_examples["one group"]).splitlines()[0] == (
        "held-out loss against training compute: power law with offset, L = E + B x^-lambda"
    )


def test_one_group_is_shown_with_all_its_intervals(scaling_examples: Examples) -> None:
    fit = scaling_examples["one group"]
    text = printed(fit)

    for method in ("covariance", "profile", "bootstrap", "wild"):
        assert method in text.split("95% intervals by method")[1]
    low, high = fit.groups[0].fit.parameters["lambda"].intervals["profile"]
    assert f"{low:.3f} to {high:.3f}" in text


def test_several_groups_show_intervals_side_by_side_only_where_they_disagree(scaling_examples: Examples) -> None:
    fit = scaling_examples["inconclusive"]
    group = fit.groups[0]
    warned = replace(group.fit.parameters["E"], warnings=["profile and bootstrap disagree by a factor of 3"])
    doubtful = replace(group, fit=replace(group.fit, parameters=group.fit.parameters | {"E": warned}))

    assert "intervals by method" not in printed(fit)
    rows = printed(replace(fit, groups=[doubtful, fit.groups[1]])).split("intervals by method")[1].splitlines()
    assert next(line.split()[:2] for line in rows if line.startswith(" ladder")) == ["ladder", "E"]
    assert "ladder: E: profile and bootstrap disagree by a factor of 3." in printed(
        replace(fit, groups=[doubtful, fit.groups[1]])
    )


def test_the_verdict_comes_in_words_with_what_would_decide(scaling_examples: Examples) -> None:
    assert verdict_sentence(scaling_examples["inconclusive"].comparisons[0], 0.95) == (
        "ladder and qlora: inconclusive: the ratio of the slopes (local slope) is 0.97, 90% interval 0.71 to 1.32, "
        "not inside of 0.9 to 1.1; equivalent from a margin of 33%; if they are the "
        "same in truth, about 31 runs per method would show it."
    )


def test_texts_name_the_confidence_of_the_fit(scaling_examples: Examples) -> None:
    fit = replace(scaling_examples["inconclusive"], confidence=0.99)

    assert "is 0.97, 98% interval 0.71 to 1.32" in verdict_sentence(fit.comparisons[0], fit.confidence)
    assert "(98% interval)" in in_one_line(printed(fit))
    assert "90%" not in printed(fit)


def test_equivalence_says_how_small_a_margin_would_do(scaling_examples: Examples) -> None:
    sentence = verdict_sentence(scaling_examples["equivalent"].comparisons[0], 0.95)

    assert "equivalent: the ratio" in sentence
    assert "inside of 0.9 to 1.1; that would hold down to a margin of 7%." in sentence
    assert "not inside" not in sentence


def test_a_difference_has_its_size_and_its_adjusted_p(scaling_examples: Examples) -> None:
    sentence = verdict_sentence(scaling_examples["different"].comparisons[0], 0.95)

    assert "they differ by -0.024 [-0.036, -0.012], p after Holm = 0.0012" in sentence


def test_a_comparison_without_an_interval_says_why(scaling_examples: Examples) -> None:
    fit = scaling_examples["inconclusive"]
    bare = replace(fit.comparisons[0], slopes=[], reason="3 runs per method are too few")

    assert verdict_sentence(bare, 0.95) == "ladder and qlora: inconclusive: 3 runs per method are too few."


def test_three_runs_get_the_reason_why_there_is_no_verdict(scaling_examples: Examples) -> None:
    pair = scaling_examples["inconclusive"].comparisons[0]
    untested = replace(pair.slopes[0], p_equivalence=None, p_difference=None)
    few = replace(pair, slopes=[untested], reason="3 pairs are too few for a verdict: it takes at least 5")

    assert verdict_sentence(few, 0.95) == (
        "ladder and qlora: inconclusive: 3 pairs are too few for a verdict: it takes at least 5."
    )


@pytest.mark.parametrize(
    ("verdict", "multipliers"),
    [
        ("equivalent", ["1.34 times [1.20, 1.50] the training compute of qlora."]),
        ("different", ["1.10 times [0.90, 1.30] the training compute of qlora at 2 PFLOP, by straight lines."]),
        (
            "inconclusive",
            [
                "1.34 times [1.20, 1.50] the training compute of qlora if the curves are parallel.",
                "1.10 times [0.90, 1.30] the training compute of qlora at 2 PFLOP, by straight lines.",
            ],
        ),
    ],
)
def test_the_multiplier_is_one_number_only_where_curves_are_parallel(
    scaling_examples: Examples, verdict: str, multipliers: list[str]
) -> None:
    fit = scaling_examples[verdict]
    head = "For the same held-out loss, ladder needs "

    sentences = pair_sentences(fit.comparisons[0], fit)

    assert [line.removeprefix(head) for line in sentences if line.startswith(head)] == multipliers


def test_a_crossing_has_an_interval_or_no_number(scaling_examples: Examples) -> None:
    fit = scaling_examples["different"]
    pair = fit.comparisons[0]
    sure = replace(pair, crossing=Estimate(3e17, 1e17, 9e17))

    assert "Straight lines cross at 300 [100, 900] PFLOP of training compute." in pair_sentences(sure, fit)
    assert (
        "No crossing to name: the slopes could be the same, so the curves need not cross anywhere."
        in pair_sentences(pair, fit)
    )


def test_curves_that_are_parallel_up_to_the_margin_cross_nowhere(scaling_examples: Examples) -> None:
    fit = scaling_examples["equivalent"]
    pair = replace(fit.comparisons[0], crossing=Estimate(3e30, 1e25, 9e40), crossing_by_law=Estimate(3e17, 1e17, 9e17))

    assert not [line for line in pair_sentences(pair, fit) if "cross" in line]


def test_a_parameter_that_is_not_identified_has_no_number(scaling_examples: Examples) -> None:
    fit = scaling_examples["cannot tell"]
    text = printed(fit)

    assert "not identified, below 2.1" in text
    assert f"{fit.groups[0].fit.parameters['E'].value:.3g}" not in text
    assert "doubtful, 6 of 6 starts agree: E is not identified" in in_one_line(text)


def test_a_choice_that_cannot_tell_says_so_and_lists_its_laws(scaling_examples: Examples) -> None:
    text = printed(scaling_examples["cannot tell"])

    assert (
        "Law: power. Cannot tell power law (2 parameters) from power law with offset (3): too close to call." in text
    )
    assert "* power " in text
    assert "12 points are too few for 5 parameters" in text


def test_a_group_that_could_not_be_fitted_says_why(scaling_examples: Examples) -> None:
    assert "my method: not fitted: 2 points are too few for 3 parameters." in printed(scaling_examples["not fitted"])


def test_bytes_are_binary_and_intervals_share_their_unit(scaling_examples: Examples) -> None:
    text = printed(scaling_examples["memory"])

    assert re.search(r"9\d\d \[\d+, \d+\] KiB/token", text)
    assert re.search(r"2\.\d+ \[[\d.]+, [\d.]+\] MiB/token", text)
    assert "7 (2 censored)" in text


def test_allocation_gives_exponents_budgets_and_what_could_not_be_done(scaling_examples: Examples) -> None:
    text = printed(scaling_examples["chinchilla"])

    assert "0.510 [0.470, 0.550]" in text
    assert "10 ZFLOP" in text
    assert "envelope: no run has checkpoints" in text


def test_extrapolation_left_out_rows_and_notes_are_told(scaling_examples: Examples) -> None:
    alone = in_one_line(printed(scaling_examples["one group"]))
    assert "fitted without C above 1 EFLOP, the law is off by 1.1% (median) and at most 3% on the 9 points" in alone
    assert "89% of them inside of the band" in alone
    compared = printed(scaling_examples["inconclusive"])
    assert "Left out: run 17, run 18: its loss is not finite." in compared
    assert "Runs that differ in seed (0, 1) are pooled." in compared


def test_the_local_slope_is_explained_where_it_is_shown(scaling_examples: Examples) -> None:
    fit = scaling_examples["inconclusive"]
    without = replace(fit, groups=[replace(group, local_slope=Estimate()) for group in fit.groups])

    assert "over 2 PFLOP to 4 EFLOP, the range that all groups share" in printed(fit)
    assert "ocal slope:" not in printed(without)


def test_the_checklist_is_short_in_a_terminal(scaling_examples: Examples) -> None:
    items = [ChecklistItem(question="Seed", answer="0"), ChecklistItem(question="Data", answer="not stated")]

    text = printed(replace(scaling_examples["one group"], checklist=items))

    assert "1 of 2 questions answered" in text
    assert "not stated: Data." in text


def test_names_with_brackets_are_no_markup(scaling_examples: Examples) -> None:
    fit = scaling_examples["one group"]
    named = replace(fit, groups=[replace(fit.groups[0], name="[bold]x[/nothing]")])

    assert "[bold]x[/nothing]" in printed(named)


def test_no_groups_is_one_sentence(scaling_examples: Examples) -> None:
    assert printed(replace(scaling_examples["one group"], groups=[])).startswith("No row holds points for this fit.")


def test_a_page_gets_the_same_sentences(scaling_examples: Examples) -> None:
    fit = scaling_examples["inconclusive"]
    text = in_one_line(printed(fit, 400))

    assert all(in_one_line(line) in text for line in lines_below(fit))


@pytest.mark.parametrize(
    ("numbers", "unit", "text"),
    [
        ((0.3473, 0.3172, 0.3794), "1", "0.347 [0.317, 0.379]"),
        ((2085.4, 1006.0, 3711.0), "1", "2085 [1006, 3711]"),
        ((1.02, 0.034, 29.1), "1", "1.02 [0.034, 29.1]"),
        ((15.39, 6.04, None), "1", "15.4 [6.0, unbounded]"),
        ((0.5, None, None), "1", "0.5"),
        ((7.01e10, 6.1e10, 8.2e10), "parameter", "70 [61, 82] B"),
        ((2048.0, 1024.0, 4096.0), "token", "2048 [1024, 4096]"),
        ((3.0 * 2**30, 2.5 * 2**30, 3.5 * 2**30), "bytes", "3.00 [2.50, 3.50] GiB"),
        ((2.5 * 2**10, 2.0 * 2**10, 3.0 * 2**10), "bytes per token", "2.50 [2.00, 3.00] KiB/token"),
        ((6.2e18, 5.1e18, 7.9e18), "FLOP", "6.2 [5.1, 7.9] EFLOP"),
        ((None, 1.0, 2.0), "1", "-"),
    ],
)
def test_numbers_have_the_digits_that_their_interval_is_worth(
    numbers: tuple[float | None, float | None, float | None], unit: str, text: str
) -> None:
    assert format_interval(*numbers, unit) == text


@pytest.mark.parametrize(
    ("ends", "unit", "text"),
    [((2e15, 4e18), "FLOP", "2 PFLOP to 4 EFLOP"), ((2e15, 4e15), "FLOP", "2.0 to 4.0 PFLOP")],
)
def test_ends_share_their_unit_where_they_can(ends: tuple[float, float], unit: str, text: str) -> None:
    assert format_ends(ends, unit) == text


def test_flops_of_pretraining_are_readable() -> None:
    assert format_flops(5.76e23) == "576 ZFLOP"


def test_one_point_that_was_left_out_is_no_percentage(scaling_examples: Examples) -> None:
    fit = scaling_examples["one group"]
    far = Extrapolation(
        predictor="C", above=1e18, n_points=1, median_relative_error=0.02, largest_relative_error=0.02, coverage=1.0
    )

    def said(one: Extrapolation) -> str:
        (sentence,) = extrapolation_sentences(replace(fit, groups=[replace(fit.groups[0], extrapolation=one)]))
        return sentence

    assert said(far).endswith("is off by 2% on the one point there, which is inside of the band for new runs.")
    assert said(replace(far, coverage=0.0)).endswith("which is outside of the band for new runs.")
    assert said(replace(far, n_points=4, coverage=0.75, of_fitted_runs=True)).endswith(
        "4 points there; 75% of them inside of the band for new runs (optimistic: other points of their runs were "
        "fitted)."
    )
