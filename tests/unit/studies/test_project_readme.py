"""The numbers of the project's README are those of the committed ledgers."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from ladderscope.studies.chosen import peak_reserved
from ladderscope.studies.findings import Value
from ladderscope.studies.folder import find_study
from ladderscope.studies.intervals import mean
from ladderscope.studies.shares import points
from ladderscope.studies.texts import percent

from .loaded import modules_of

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
IN_ONE_LINE = " ".join(README.split())
PAIRS = {
    "Ladder (1/16) over QLoRA": ("ladder", "qlora"),
    "Ladder (1/16) over QLoRA with checkpointing": ("ladder", "qlora, checkpointing"),
    "lean Ladder over QLoRA with checkpointing, both with the loss in chunks": (
        "ladder, lean",
        "qlora, checkpointing, chunked loss",
    ),
}


@pytest.mark.parametrize("row", PAIRS)
def test_the_headline_has_the_ratios_of_the_first_study_and_says_that_they_are_predicted(row: str) -> None:
    study = find_study(ROOT / "studies", "memory_7b_12gb")
    variants = modules_of(study)("variants")
    records = study.records()
    assert {record.meter for record in records if record.memory and "llama" in record.cell.model} == {"predict"}
    peaks = variants.peaks_of(records).of

    def ratio(model: str, mine: str, other: str) -> str:
        one, two = (peak_reserved(peaks[model, variant, 2048]) for variant in (mine, other))
        return f"{one / two:.2f}"

    mine, other = PAIRS[row]
    in_bf16 = tuple(map(variants.in_bf16, (mine, other)))
    cells = [f"{ratio(model, mine, other)} ({ratio(model, *in_bf16)})" for model in variants.MODELS]
    assert f"| {row} | {' | '.join(cells)} |" in README
    above = peak_reserved(peaks["qwen2.5-7b", "ladder", 512]) / peak_reserved(peaks["qwen2.5-7b", "qlora", 512])
    assert f"at 512 tokens it is {above:.2f} on qwen2.5-7b" in IN_ONE_LINE
    assert f"| 7B at 2,048 tokens, reserved peak, predicted | {' | '.join(variants.MODELS)} |" in README


def test_the_sentence_on_loss_at_equal_compute_is_that_of_scaling_slopes() -> None:
    study = find_study(ROOT / "studies", "scaling_slopes")
    records = study.records()
    found = modules_of(study)("equal").at_equal(records, "ladder", "qlora", "compute", 0.95)
    ends = f"95% interval {percent(found.low)} to {percent(found.high)}"
    assert f"Ladder's loss is {percent(found.mean)[1:]} above QLoRA's ({ends})" in IN_ONE_LINE
    assert f"{len(records)} runs" in README
    assert {record.meter for record in records} == {"cpu"}
    gaps = modules_of(study)("equal").gaps_at_equal(records, "ladder", "qlora", "compute")
    smallest, *_, largest = (percent(gaps[one.name]) for one in modules_of(study)("family").FAMILY)
    assert smallest.startswith("-")
    trend = f"from {smallest[1:]} below on the smallest backbone to {largest[1:]} above on the largest"
    lst = modules_of(study)("equal").at_equal(records, "lst", "qlora", "compute", 0.95)
    assert lst.mean < 0
    below = f"and LST's {percent(lst.mean)[1:]} below ({percent(lst.low)} to {percent(lst.high)})"
    assert f"{trend}, {below}" in IN_ONE_LINE


def test_the_sentences_on_slopes_are_those_of_scaling_slopes() -> None:
    study = find_study(ROOT / "studies", "scaling_slopes")
    bounds = study.definition.bounds
    found = modules_of(study)("within").within_backbones(study.records(), bounds["confidence"], bounds["margin"])
    ladder, lst = (found.against[method] for method in ("ladder", "lst"))
    assert (ladder.verdict, lst.verdict) == ("inconclusive", "inconclusive")
    ratio_text = modules_of(study)("slope_tables").ratio_text
    (ladder, ladder_ends), (lst, lst_ends) = (ratio_text(one).split(" ", 1) for one in (ladder, lst))
    said = f"Ladder's slope is {ladder} times QLoRA's (90% interval {ladder_ends[1:]}"
    assert f"{said} and LST's {lst} times {lst_ends}" in IN_ONE_LINE
    table = (study.folder / "README.md").read_text(encoding="utf-8")
    by_rule = dict(re.findall(r"\| (\w+) \| run \| exponent, shared offset \|[^|]*\| ([0-9.]+) \(", table))
    assert f"Ladder's exponent is {by_rule['ladder']} times QLoRA's, which as one comparison of" in IN_ONE_LINE
    assert f"LST's (of 2022) is larger, {by_rule['lst']} times" in IN_ONE_LINE
    rule = {verdict.claim: verdict.answer for verdict in study.analyse(study.records()).verdicts}
    assert (rule["slope-ladder"], rule["slope-lst"]) == ("cannot tell", "not reproduced")


def test_the_sentence_on_short_chains_is_that_of_xladder_cot() -> None:
    study = find_study(ROOT / "studies", "xladder_cot")
    modules = modules_of(study)
    plan, outcome = modules("plan"), modules("outcome")
    known = outcome.usable(study.records())

    def share(arm: str) -> str:
        return f"{outcome.accuracy(outcome.runs_of(known, arm, 2)):.1%}"

    assert f"it answers {share(plan.DEFAULT)} where Ladder answers {share(plan.REFERENCE)}" in README
    assert [verdict.answer for verdict in study.analyse(study.records()).verdicts] == ["cannot tell", "cannot tell"]


def test_the_sentence_on_accuracy_is_that_of_tasks() -> None:
    study = find_study(ROOT / "studies", "tasks")
    modules = modules_of(study)
    plan, answers = modules("plan"), modules("answers")
    results = answers.Results(study.records())
    ladder = answers.Contestant("ladder", plan.SAME_DATA)
    gap = results.difference(ladder, answers.QLORA, answers.TASK_NAMES, 0.9)
    gained = results.difference(answers.QLORA, answers.BACKBONE, answers.TASK_NAMES, 0.95)
    said = " ".join(README.split())
    below = f"{points(gap.mean)[1:]} points below QLoRA's (90% interval {points(gap.low)} to {points(gap.high)},"
    assert gap.mean < 0

    def share_below(method: str) -> str:
        same_data = answers.Contestant(method, plan.SAME_DATA)
        return points(-results.difference(same_data, answers.QLORA, answers.TASK_NAMES, 0.9).mean).removeprefix("+")

    xladder, qst, lst = map(share_below, ("xladder", "qst", "lst"))
    others = f"xLadder's {xladder}, QST's {qst} and LST's {lst};"
    assert f"Ladder's mean accuracy is {below} the margin being 5), {others}" in said
    assert f"QLoRA itself gains only {points(gained.mean)[1:]} on the backbone" in said
    assert {verdict.answer for verdict in study.analyse(study.records()).verdicts} == {"cannot tell"}


def test_the_sentence_on_ranks_is_that_of_rank_scaling() -> None:
    study = find_study(ROOT / "studies", "rank_scaling")
    modules, records = modules_of(study), study.records()
    trends, plan = modules("trends"), modules("plan")

    def changes(method: str) -> list[float]:
        return [trends.trend_of(records, one.name, method, 0.95).change.mean for one in plan.BACKBONES]

    said = " ".join(README.split())
    assert "QLoRA's loss does not fall with its rank at a fixed alpha, and falls when alpha grows" in said
    assert min(changes("qlora")) > 0
    assert max(changes(plan.SCALED) + changes("ladder")) < -0.01


def test_the_sentence_on_equal_parameters_is_that_of_rank_scaling() -> None:
    study = find_study(ROOT / "studies", "rank_scaling")
    why = next(one.why for one in study.analyse(study.records()).verdicts if one.claim == "equal-parameters")
    smaller, larger = re.findall(r"([-+][0-9.]+%) \([^)]*\) on", why)
    said = f"is {smaller[1:]} below QLoRA's on the smaller backbone and {larger[1:]} above on the larger"
    assert (smaller[0], larger[0]) == ("-", "+")
    assert f"At equal trained parameters Ladder's loss {said}" in IN_ONE_LINE


def test_what_the_first_study_says_of_a_sixteenth_is_what_rank_scaling_measured() -> None:
    study = find_study(ROOT / "studies", "rank_scaling")
    modules, records = modules_of(study), study.records()
    equal, plan = modules("equal"), modules("plan")

    def loss(model: str, reduction: int) -> float:
        runs = equal.of_runs(records, model, "ladder")
        return mean([equal.log_loss(one) for one in runs if plan.size_of(one.cell) == reduction])

    costs = [f"{math.expm1(loss(one.name, 16) - loss(one.name, 8)):.0%}" for one in plan.BACKBONES]
    limits = find_study(ROOT / "studies", "memory_7b_12gb").definition.limits
    assert any(f"Ladder's loss is {' and '.join(costs)} above that at an eighth" in one for one in limits)


def test_what_taps_says_of_wide_side_networks_is_what_its_table_gives() -> None:
    study = find_study(ROOT / "studies", "taps")
    table = study.analyse(study.records()).tables[0]
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}

    def loss(variant: str, width: str) -> float:
        cell = rows[variant][width]
        assert isinstance(cell, Value)
        return float(cell.text.split()[0])

    more = {name: f"{loss(name, '1/2') / loss(name, '1/4') - 1:.1%}" for name in ("every:2", "every:3")}
    said = f"a loss {more['every:2']} (`every:2`) and {more['every:3']} (`every:3`) above that at a quarter"
    assert any(said in one for one in study.definition.limits)


def test_the_sentence_on_taps_is_that_of_its_ledger() -> None:
    study = find_study(ROOT / "studies", "taps")
    verdicts = {verdict.claim: verdict for verdict in study.analyse(study.records()).verdicts}
    assert {verdict.answer for verdict in verdicts.values()} == {"cannot tell"}
    why = verdicts["principal-taps"].why
    found = re.findall(r"against ([a-z-]+): -([0-9.]+)% \(-[0-9.]+% to ([+-])", why)
    assert [name for name, _, _ in found] == ["linear", "adapter", "avg-pool", "max-pool"]
    assert [name for name, _, sign in found if sign == "-"] == ["max-pool"]
    means = sorted(float(mean) for _, mean, _ in found)
    assert f"by {means[0]}% to {means[-1]}%, with intervals that hold zero but for max pooling" in " ".join(
        README.split()
    )


@pytest.mark.parametrize(("name", "answer"), [("initialisation", "holds"), ("rank_scaling", "cannot tell")])
def test_what_is_said_of_other_studies_rests_on_their_verdicts(name: str, answer: str) -> None:
    study = find_study(ROOT / "studies", name)
    assert [verdict.answer for verdict in study.analyse(study.records()).verdicts] == [answer] * 3
    assert f"[{name}](studies/{name}/README.md)" in README
