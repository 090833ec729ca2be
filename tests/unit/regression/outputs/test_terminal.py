from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from ladderscope.regression.outputs.terminal import print_check, print_update
from ladderscope.regression.verdict import CheckResult, EntryVerdict
from tests.unit.regression.verdicts import (
    NAME,
    grown_entry,
    improvement,
    make_entry,
    make_result,
    make_verdict,
    regression,
    unchanged,
)


def printed(show: Callable[[Console], None], width: int = 120) -> str:
    file = io.StringIO()
    show(Console(file=file, width=width))
    return file.getvalue()


def checked(result: CheckResult, width: int = 120) -> str:
    return printed(lambda console: print_check(result, console), width)


def updated(result: CheckResult, *, written: bool = True) -> str:
    return printed(lambda console: print_update(result, console, written=written))


def rows_of(text: str) -> list[list[str]]:
    return [re.split(r" {2,}", line.strip()) for line in text.splitlines()]


class TestCheck:
    def test_tells_the_counts_the_kind_of_numbers_the_limits_and_what_was_left_out(self, mixed: CheckResult) -> None:
        text = checked(mixed)
        assert text.startswith("Memory check against ladderscope-baseline.json: 5 entries in 3.2 s.\n")
        assert "1 regression, 1 could not be measured, 1 not in the baseline, 1 improvement, 1 unchanged." in text
        assert "All numbers are predicted." in text
        assert "Allowed growth: peak allocated 0, peak reserved 2%." in text
        assert "Not checked: 2 entries (measured on cuda)." in text

    def test_has_a_table_of_regressions_and_one_of_improvements(self, mixed: CheckResult) -> None:
        rows = rows_of(checked(mixed))
        assert ["a lora 512 tokens", "peak allocated", "262 MiB", "264 MiB", "+2.00 MiB", "+0.76%", "0"] in rows
        assert ["d ladder 512 tokens", "peak allocated", "264 MiB", "262 MiB", "-2.00 MiB", "-0.76%", "0"] in rows

    def test_names_the_cause_below_the_whole_name(self, mixed: CheckResult) -> None:
        assert (
            "a lora 512 tokens (predicted)\n"
            "  At the peak, activations grew by 2.00 MiB:\n"
            "    +2.00 MiB side_network.blocks.3: clone (new)\n"
        ) in checked(mixed)

    def test_errors_are_told_in_a_line(self, mixed: CheckResult) -> None:
        text = checked(mixed)
        assert "Could not be compared: b qlora 512 tokens\n  RuntimeError: no room\n" in text
        assert "traceback" not in text

    def test_asks_for_an_update_of_what_improved_alone(self) -> None:
        asking = "What improved is not guarded yet: run `ladderscope check --update`"
        assert asking in checked(make_result(improvement()))
        assert asking not in checked(make_result(regression()))
        assert "--update" not in checked(make_result(unchanged()))

    def test_a_check_without_changes_is_short(self) -> None:
        text = checked(make_result(*(unchanged(f"cell {number}") for number in range(30))))
        assert len(text.splitlines()) == 3
        assert "30 unchanged. All numbers are predicted." in text

    def test_a_change_within_the_limits_is_shown(self) -> None:
        text = checked(make_result(make_verdict(after=make_entry(metrics={"peak_reserved": 765460480 + 2**20}))))
        assert "Changed within the limits" in text
        assert "+1.00 MiB" in text

    def test_values_that_read_alike_are_told_to_the_byte(self) -> None:
        text = checked(make_result(make_verdict(after=make_entry(rounding=6517244 + 7))), width=140)
        before = make_entry().metrics["peak_allocated"]
        (row,) = [row for row in rows_of(text) if "peak allocated" in row]
        assert row[2:] == [f"{before:,} B", f"{before + 7:,} B", "+7 B", "+<0.01%", "0"]

    def test_predicted_and_measured_numbers_are_told_apart_where_both_are_shown(self) -> None:
        measured = make_verdict(make_entry("m", meter="cpu"), grown_entry("m", meter="cpu"))
        text = checked(make_result(regression("p"), measured))
        assert "Some numbers are predicted, others measured." in text
        assert {row[-1] for row in rows_of(text) if "peak allocated" in row} == {"predicted", "measured"}

    def test_names_are_without_what_all_share_which_the_title_tells_to_the_letter(self) -> None:
        names = [f"random:gpt2 {method} 512 tokens, predicted for [x]" for method in ("lora", "lst")]
        text = checked(make_result(*map(regression, names)))
        assert "Regressions (random:gpt2, predicted for [x])" in text
        assert {"lora 512 tokens", "lst 512 tokens"} <= {row[0] for row in rows_of(text)}

    def test_a_single_entry_has_its_model_and_hardware_in_the_title_and_its_size_in_the_row(self) -> None:
        text = checked(make_result(regression(NAME)), width=60)
        assert "Regressions (random:gpt2, predicted for rtx-3060-12gb)" in text
        assert "ladder 1/8 512 tokens" in {row[0] for row in rows_of(text)}

    def test_entries_of_a_model_are_together_that_with_the_worst_first(self) -> None:
        sizes = {"b lora": 9, "a lora": 8, "b full": 7, "a full": 6, "c full": 10}
        text = checked(make_result(*(regression(name, size * 2**20) for name, size in sizes.items())))
        rows = [row[0] for row in rows_of(text) if "peak allocated" in row]
        assert rows == ["c full", "b lora", "b full", "a lora", "a full"]

    @pytest.mark.parametrize("width", [60, 140])
    def test_no_line_of_a_table_ends_with_spaces_and_no_two_lines_are_empty(
        self, mixed: CheckResult, width: int
    ) -> None:
        text = checked(mixed, width)
        assert not [line for line in text.splitlines() if line != line.rstrip()]
        assert "\n\n\n" not in text

    def test_entries_that_never_fitted_their_gpu_are_counted(self) -> None:
        never = [make_verdict(make_entry(name, status="oom"), make_entry(name, status="oom")) for name in "ab"]
        fits_no_more = make_verdict(after=make_entry(status="oom"))
        text = checked(make_result(unchanged(), fits_no_more, *never))
        assert "\n2 entries do not fit their GPU, in the baseline and now.\n" in text
        assert "\n1 entry does not fit its GPU, in the baseline and now.\n" in checked(make_result(never[0]))
        assert "in the baseline and now" not in checked(make_result(unchanged(), fits_no_more))

    def test_causes_are_told_of_nine_regressions(self) -> None:
        text = checked(make_result(*(regression(f"cell {number}") for number in range(12))))
        assert text.count("At the peak, activations grew") == 9
        assert "The causes of 3 more are in the output of --json." in text

    def test_an_interruption_is_told_with_what_was_not_run(self, interrupted: CheckResult) -> None:
        lines = checked(interrupted).splitlines()
        assert lines[1] == "1 unchanged, 2 not run. All numbers are predicted."
        assert "Interrupted: 2 entries not run: b | c; d." in lines

    def test_an_interruption_that_came_too_late_is_told_too(self) -> None:
        text = checked(make_result(unchanged(), is_interrupted=True))
        assert "Interrupted, though every entry had been run by then." in text

    def test_what_was_not_run_is_never_passed_over(self) -> None:
        result = make_result(unchanged(), not_run=["b"])
        assert "1 entry not run: b." in checked(result)
        assert result.exit_code == 3

    def test_that_nothing_has_a_limit_is_told(self) -> None:
        without = CheckResult(Path("b.json"), [unchanged()])
        assert "No metric has a limit, so nothing can fail." in checked(without)
        no_longer_fits = make_verdict(make_entry(), make_entry(status="oom"))
        assert "nothing can fail" not in checked(CheckResult(Path("b.json"), [no_longer_fits]))

    @pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
    def test_fits_every_width(self, mixed: CheckResult, width: int) -> None:
        wide = make_result(*mixed.verdicts, regression(NAME), regression(f"{NAME}, {'long ' * 30}"))
        text = checked(wide, width)
        assert max(map(cell_len, text.splitlines())) <= width
        assert "+2.00 MiB" in text


class TestUpdate:
    def test_tells_what_is_new_removed_and_changed_and_why(self) -> None:
        new = EntryVerdict("new cell", "new", after=make_entry("new cell"))
        removed = EntryVerdict("old cell", "removed", before=make_entry("old cell"))
        text = updated(make_result(regression("grown cell"), new, removed, unchanged()))
        assert text.startswith("Wrote ladderscope-baseline.json: 4 entries.\n1 grew, 1 unchanged, 1 new, 1 removed.")
        (row,) = [row for row in rows_of(text) if row[0] == "new cell"]
        assert row[1:] == ["262 MiB", "730 MiB", "25 MiB", "185 GFLOP", "1.528 M", "predicted"]
        assert "Removed: old cell" in text
        assert "+2.00 MiB side_network.blocks.3: clone (new)" in text
        assert "regression" not in text
        assert text.endswith("Review the file and commit it.\n")

    def test_new_cells_for_two_gpus_share_all_but_the_gpu(self) -> None:
        names = [NAME, NAME.replace("rtx-3060-12gb", "t4-16gb")]
        text = updated(make_result(*(EntryVerdict(name, "new", after=make_entry(name)) for name in names)))
        assert "New (random:gpt2 ladder 1/8 512 tokens)\n" in text
        assert {"predicted for rtx-3060-12gb", "predicted for t4-16gb"} <= {row[0] for row in rows_of(text)}
        assert "\n\n\n" not in text
        assert text.endswith("predicted\n\nReview the file and commit it.\n")

    def test_says_that_the_file_is_up_to_date(self) -> None:
        text = updated(make_result(unchanged()), written=False)
        assert text == (
            "ladderscope-baseline.json is up to date already: 1 entry.\n1 unchanged. All numbers are predicted.\n"
        )

    def test_a_new_cell_that_does_not_fit_is_said_to(self) -> None:
        new = EntryVerdict("new cell", "new", after=make_entry("new cell", status="oom"))
        assert "It does not fit into the GPU's memory (predicted)" in updated(make_result(new))
