"""A study's README and its row on the page, from a definition and findings."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ladderscope.studies.definition import Claim
from ladderscope.studies.findings import Findings, Verdict
from ladderscope.studies.folder import Study, find_study
from ladderscope.studies.markdown import one_line
from ladderscope.studies.page import page_text
from ladderscope.studies.readme import AFTER_RESULTS, AFTER_RESULTS_MEANS, readme_text

STUDIES = Path(__file__).parents[3] / "studies"
MARKED = f"| **reproduced** ({AFTER_RESULTS}) | predicted |"


def with_claims(study: Study, *claims: Claim) -> Study:
    return dataclasses.replace(study, definition=dataclasses.replace(study.definition, claims=claims))


def reproduced(study: Study) -> Findings:
    return Findings([Verdict(claim.id, "reproduced", "It is.", "predicted") for claim in study.definition.claims])


@pytest.mark.parametrize("after_results", [True, False])
def test_a_verdict_by_a_rule_that_knew_results_is_marked_wherever_it_stands(after_results: bool, tiny: Study) -> None:
    claim = dataclasses.replace(tiny.definition.claims[0], rule_after_results=after_results)
    study = with_claims(tiny, claim)
    readme = readme_text(study, [], reproduced(study))
    page = page_text([(study, reproduced(study))], Path("reports/papers/README.md"))
    assert (MARKED in readme, MARKED in page) == (after_results, after_results)
    assert (f"- Verdict: **reproduced** ({AFTER_RESULTS}). It is." in readme) == after_results
    assert (AFTER_RESULTS in readme_text(study, [], None)) is False
    assert (readme.count(AFTER_RESULTS_MEANS), page.count(AFTER_RESULTS_MEANS)) == (int(after_results), 1)


def test_when_rules_were_written_together_is_said_once(tiny: Study) -> None:
    first = dataclasses.replace(tiny.definition.claims[0], rule_written="On a long day.")
    second = dataclasses.replace(first, id="smaller", text="Tiny is smaller")
    third = dataclasses.replace(first, id="least", text="Tiny is least", rule_written="On the next day.")
    text = readme_text(with_claims(tiny, first, second, third), [], None)
    assert text.count("On a long day.") == 1
    assert text.count('- Rule written: together with that of "Tiny is small", which says when.') == 1
    assert text.count("- Rule written: On the next day.") == 1


def test_the_verdicts_and_their_numbers_stand_under_the_title(tiny: Study) -> None:
    own = dataclasses.replace(tiny.definition.claims[0], id="least", text="Tiny is least", kind="own")
    study = with_claims(tiny, own, *tiny.definition.claims)
    found = Findings([
        Verdict("least", "cannot tell", "Nothing was measured.", None),
        Verdict("small", "reproduced", "It is 0.5. And more.", "predicted", found="It is 0.5."),
    ])  # fmt: skip
    title, heading, lines, *_ = readme_text(study, [], found).split("\n\n")
    assert (title, heading) == ("# A tiny study", "**What we found.**")
    assert lines.splitlines() == [
        "- Tiny is small: **reproduced**, predicted. It is 0.5.",
        "- Tiny is least: **cannot tell**. Nothing was measured.",
    ]
    assert "What we found" not in readme_text(study, [], None)


def test_which_way_the_numbers_are_off_stands_behind_the_answer(tiny: Study) -> None:
    found = Findings([Verdict("small", "not reproduced", "Smaller.", "predicted", direction="it is smaller still")])
    shown = "| **not reproduced**: it is smaller still | predicted |"
    assert shown in readme_text(tiny, [], found)
    assert shown in page_text([(tiny, found)], Path("reports/papers/README.md"))


def test_the_history_of_a_rule_stands_in_full_and_behind_no_click(tiny: Study) -> None:
    """What shows that a verdict is post hoc stands at the end of a long history."""
    written = f"Committed early. {'Nothing was known. ' * 100}Later, with results known, it was changed."
    claim = dataclasses.replace(tiny.definition.claims[0], rule_written=written)
    text = readme_text(with_claims(tiny, claim), [], None)
    assert f"- Rule written: {written}\n" in text
    assert "<details" not in text


@pytest.mark.parametrize("name", ["scaling_slopes", "xladder_cot", "tasks", "rank_scaling", "memory_7b_12gb"])
def test_the_readmes_of_studies_hide_no_later_change_of_a_rule(name: str) -> None:
    study = find_study(STUDIES, name)
    shown = (study.folder / "README.md").read_text(encoding="utf-8").split("<details")[0]
    assert all(f"- Rule written: {one_line(claim.rule_written)}\n" in shown for claim in study.definition.claims[:1])


def test_the_page_leaves_rules_to_the_readme_that_it_links(tiny: Study) -> None:
    page = page_text([(tiny, reproduced(tiny))], tiny.folder.parents[1] / "reports" / "papers" / "README.md")
    assert "[tiny](../../studies/tiny/README.md)" in page
    assert tiny.definition.claims[0].rule_written not in page


def test_a_quick_run_is_offered_where_there_is_one(tiny: Study) -> None:
    command = "ladderscope study run tiny --quick"
    assert command in readme_text(tiny, [], None)
    without = dataclasses.replace(tiny, definition=dataclasses.replace(tiny.definition, quick_grid=()))
    assert command not in readme_text(without, [], None)
    (tiny.folder / "run.py").write_text("def run(context): ...\n")
    assert command in readme_text(without, [], None)
