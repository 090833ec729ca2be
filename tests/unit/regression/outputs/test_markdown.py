from __future__ import annotations

import re
from pathlib import Path

import pytest

from ladderscope.regression.outputs.markdown import MAX_BYTES, escaped, markdown_of
from ladderscope.regression.verdict import CheckResult
from tests.unit.regression.verdicts import failure, make_entry, make_result, make_verdict, regression, unchanged

AWKWARD = "a|b <script> `c` *d* _e_ [f](g) \\| h\ni"


def tables_of(text: str) -> list[list[list[str]]]:
    """The cells of each table, as GitHub splits them: at bars without a backslash before them."""
    blocks = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    return [
        [[cell.strip() for cell in re.split(r"(?<!\\)(?:\\\\)*\|", line)[1:-1]] for line in block.splitlines()]
        for block in blocks
    ]


def test_shows_regressions_unfolded_and_what_is_unchanged_folded(mixed: CheckResult) -> None:
    text = markdown_of(mixed)
    unfolded, _, folded = text.partition("<details>")
    assert text.startswith("### Memory check: 1 regression, 1 could not be measured,")
    assert "🔴 regression | a lora 512 tokens | peak allocated, predicted | 262 MiB | 264 MiB" in unfolded
    assert "  - +2.00 MiB side\\_network.blocks.3: clone (new)" in unfolded
    assert "RuntimeError: no room" in unfolded
    assert "e lst 512 tokens" not in unfolded
    assert "e lst 512 tokens" in folded
    assert folded.rstrip().endswith("</details>")


def test_regressions_come_before_improvements(mixed: CheckResult) -> None:
    text = markdown_of(mixed)
    assert text.index("🔴 regression") < text.index("🟢 improvement")
    assert text.index("**a lora 512 tokens** (regression, predicted)") < text.index("**d ladder 512 tokens**")


def test_asks_for_an_update_where_something_improved(mixed: CheckResult) -> None:
    assert "`ladderscope check --update`" in markdown_of(mixed)
    assert "--update" not in markdown_of(make_result(unchanged()))


@pytest.mark.parametrize("name", [AWKWARD, "|", "`|`", "\\", "a\\|b"])
def test_tables_are_well_formed_whatever_the_names_hold(name: str) -> None:
    text = markdown_of(make_result(regression(name), failure(name, error=AWKWARD), unchanged(name)))
    tables = tables_of(text)
    assert len(tables) == 3
    for table in tables:
        assert len({len(row) for row in table}) == 1
        assert all(re.fullmatch("---:?", cell) for cell in table[1])
    assert "<script>" not in text


def test_names_format_nothing() -> None:
    assert escaped("a_b*c*`d`|<e>") == r"a\_b\*c\*\`d\`\|&lt;e&gt;"
    assert escaped("two\nlines") == "two lines"


def test_is_cut_at_a_line_with_a_sentence_where_it_would_be_too_long() -> None:
    result = make_result(*(regression(f"cell {number}") for number in range(40)), unchanged())
    whole = markdown_of(result)
    text = markdown_of(result, max_bytes=5000)
    assert 4000 < len(text.encode()) <= 5000
    *lines, last = text.rstrip().splitlines()
    assert last.startswith("The rest is left out")
    assert set(filter(None, lines)) <= set(whole.splitlines())


def test_a_fold_that_is_cut_is_closed() -> None:
    result = make_result(*(unchanged(f"cell {number}") for number in range(100)))
    text = markdown_of(result, max_bytes=4000)
    assert len(text.encode()) <= 4000
    assert text.count("<details>") == text.count("</details>") == 1


def test_what_fits_a_summary_is_not_cut(mixed: CheckResult) -> None:
    assert MAX_BYTES == 2**20
    assert "The rest is left out" not in markdown_of(mixed)


def test_an_interruption_is_told_with_what_was_not_run(interrupted: CheckResult) -> None:
    text = markdown_of(interrupted)
    assert text.startswith("### Memory check: 1 unchanged, 2 not run\n")
    assert "**Interrupted: 2 entries not run: b \\| c; d.**" in text.splitlines()


def test_limits_are_told_and_that_there_is_none() -> None:
    assert "Allowed growth: peak allocated 0, peak reserved 2%." in markdown_of(make_result(unchanged()))
    without = CheckResult(Path("b.json"), [unchanged()])
    assert "No metric has a limit, so nothing can fail." in markdown_of(without)


def test_entries_that_never_fitted_their_gpu_are_counted() -> None:
    never = make_verdict(make_entry(status="oom"), make_entry(status="oom"))
    assert "1 entry does not fit its GPU, in the baseline and now." in markdown_of(make_result(never, unchanged()))
    assert "in the baseline and now" not in markdown_of(make_result(unchanged()))
