from __future__ import annotations

import re
from dataclasses import replace

from ladderscope.memory.places import unfold
from ladderscope.regression.causes import cause_lines
from ladderscope.regression.entry import Entry, Places
from ladderscope.regression.grown_places import category_changes
from ladderscope.regression.verdict import EntryVerdict
from tests.unit.regression.verdicts import (
    AT_PEAK,
    BLOCKS,
    FLOPS,
    SAVED,
    VERSIONS,
    grown_entry,
    make_entry,
    make_verdict,
    with_places,
)


def renamed_blocks(places: Places) -> Places:
    """The same bytes in modules of another name."""
    return {
        category: {place.replace("side_network.blocks", "side_network.stages"): size for place, size in sizes.items()}
        for category, sizes in places.items()
    }


NO_VERSION = "No dependency changed its version, so the code or the settings did."
MIB = 2**20


class TestWhatGrewAtThePeak:
    def test_names_category_module_and_operation_with_bytes(self) -> None:
        assert cause_lines(make_verdict(after=grown_entry())) == [
            "At the peak, activations grew by 2.00 MiB:",
            "  +2.00 MiB side_network.blocks.3: clone (new)",
            NO_VERSION,
        ]

    def test_says_how_many_places_a_folded_one_stands_for(self) -> None:
        twice = {f"{BLOCKS}: add.Tensor": 786432}
        lines = cause_lines(make_verdict(after=make_entry(at_peak=with_places(AT_PEAK, activations=twice))))
        assert f"  +4.50 MiB {BLOCKS}: add.Tensor (12 places, each 384 KiB -> 768 KiB)" in lines

    def test_operations_of_a_module_that_grew_alike_share_a_line(self) -> None:
        more = {f"{BLOCKS}.mlp.c_fc: exp_avg": 297984, f"{BLOCKS}.mlp.c_fc: exp_avg_sq": 297984}
        lines = cause_lines(make_verdict(after=make_entry(at_peak=with_places(AT_PEAK, optimizer_state=more))))
        assert lines[1].startswith(f"  +3.41 MiB {BLOCKS}.mlp.c_fc: exp_avg, exp_avg_sq (24 places, ")

    def test_places_come_largest_first_over_all_categories_and_the_rest_is_counted_and_summed(self) -> None:
        many = {f"side_network.extra{letter}: mm": size * MIB for size, letter in enumerate("abcdefg", 1)}
        weights = {"side_network.new: weight": 9 * MIB}
        after = make_entry(at_peak=with_places(AT_PEAK, activations=many, adapter_weights=weights))
        assert cause_lines(make_verdict(after=after), most=3)[:6] == [
            "At the peak, activations grew by 28 MiB:",
            "  +7.00 MiB side_network.extrag: mm (new)",
            "  +6.00 MiB side_network.extraf: mm (new)",
            "  +15 MiB in 5 smaller",
            "Adapter weights grew by 9.00 MiB:",
            "  +9.00 MiB side_network.new: weight (new)",
        ]

    def test_what_shrank_is_summed_in_one_clause(self) -> None:
        moved = {"side_network.blocks.3: clone": 6 * MIB, "transformer: _to_copy": 0}
        places = with_places(AT_PEAK, activations=moved, weights={"transformer.wte: weight": 77194752 - MIB})
        lines = cause_lines(make_verdict(after=make_entry(at_peak=places)))
        assert lines[:4] == [
            "At the peak, activations grew by 3.75 MiB:",
            "  +6.00 MiB side_network.blocks.3: clone (new)",
            "  -2.25 MiB in 1 that shrank",
            "On the other hand, weights shrank by 1.00 MiB.",
        ]

    def test_the_categories_sum_to_the_change_of_the_peak(self) -> None:
        verdict = make_verdict(after=grown_entry(num_bytes=MIB + 5, rounding=6517500))
        peak = next(change for change in verdict.changes if change.name == "peak_allocated")
        assert sum(category.change for category in category_changes(verdict, "peak")) == peak.change

    def test_a_change_too_small_for_its_unit_is_told_to_the_byte(self) -> None:
        places = with_places(AT_PEAK, weights={"transformer.wte: weight": 77194752 + 8})
        lines = cause_lines(make_verdict(after=make_entry(at_peak=places)))
        assert "  +8 B transformer.wte: weight (77,194,752 B -> 77,194,760 B)" in lines

    def test_says_where_the_peak_is_reached_if_that_moved(self) -> None:
        lines = cause_lines(make_verdict(after=grown_entry(peak_at="forward, lm_head, mm")))
        assert lines[0] == (
            "The peak of the step is now reached in forward, lm_head, mm; before, in backward, lm_head, mm."
        )
        lines = cause_lines(make_verdict(after=grown_entry(peak_at="")))
        assert lines[0].startswith("The peak of the step is now reached at its very start; ")

    def test_measured_entries_tell_the_categories(self) -> None:
        before, after = make_entry(meter="cuda"), grown_entry(meter="cuda")
        assert cause_lines(make_verdict(before, after))[0] == "At the peak, activations grew by 2.00 MiB."

    def test_places_that_differ_though_no_category_grew(self) -> None:
        elsewhere = {"transformer: _to_copy": 0, "transformer: clone": 2359296}
        lines = cause_lines(make_verdict(after=make_entry(at_peak=with_places(AT_PEAK, activations=elsewhere))))
        assert lines[0] == "At the peak, no category grew in sum, but its places differ:"
        assert "  +2.25 MiB transformer: clone (new)" in lines


class TestImprovements:
    def test_tell_what_shrank(self) -> None:
        assert cause_lines(make_verdict(grown_entry(), make_entry()))[:2] == [
            "At the peak, activations shrank by 2.00 MiB:",
            "  -2.00 MiB side_network.blocks.3: clone (gone)",
        ]

    def test_a_category_that_regressed_while_the_peak_fell_is_what_is_told(self) -> None:
        fewer = {"transformer.wte: weight": 0}
        after = grown_entry()
        after = replace(
            make_entry(at_peak=with_places(after.at_peak, weights=fewer)), saved_for_backward=after.saved_for_backward
        )
        lines = cause_lines(make_verdict(after=after, activations="0"))
        assert lines[0] == "At the peak, activations grew by 2.00 MiB:"
        assert "On the other hand, weights shrank by 74 MiB." in lines


class TestSavedForBackward:
    EXTRA = with_places(SAVED, activations={"side_network.blocks.3: clone": 2 * MIB})

    def test_is_told_where_it_regressed_and_the_peak_did_not(self) -> None:
        lines = cause_lines(make_verdict(after=make_entry(saved=self.EXTRA), saved_for_backward="0"))
        assert lines[:2] == [
            "Of what forward leaves for backward, activations grew by 2.00 MiB:",
            "  +2.00 MiB side_network.blocks.3: clone (new)",
        ]

    def test_is_told_beside_a_peak_that_grew_elsewhere(self) -> None:
        places = with_places(AT_PEAK, weights={"transformer.wte: weight": 78194752})
        after = make_entry(at_peak=places, saved=self.EXTRA)
        lines = cause_lines(make_verdict(after=after, saved_for_backward="0"))
        assert lines[0].startswith("At the peak, weights grew")
        assert lines[2].startswith("Of what forward leaves for backward, activations grew")

    def test_is_left_out_where_the_peak_says_the_same(self) -> None:
        lines = cause_lines(make_verdict(after=grown_entry(), peak_allocated="0", saved_for_backward="0"))
        assert not [line for line in lines if "leaves for backward" in line]


class TestOtherMetrics:
    def test_flops_name_their_components(self) -> None:
        after = make_entry(flops={**FLOPS, "backbone_backward": 10**10, "head": FLOPS["head"] - 10**9})
        lines = cause_lines(make_verdict(after=after, flops="0"))
        assert lines[0] == "FLOPs of a step by component: backbone backward +10 GFLOP, head -1 GFLOP."

    def test_trainable_parameters_name_the_modules_that_hold_them(self) -> None:
        more = {f"{BLOCKS}.mlp.c_fc: weight": 294912}
        places = with_places(AT_PEAK, adapter_weights=more)
        after = make_entry(at_peak=places, metrics={"trainable_params": 1528427 + 442368})
        lines = cause_lines(make_verdict(after=after, trainable_params="0"))
        assert f"442,368 more parameters are trained, in {BLOCKS}.mlp.c_fc (12 of them)." in lines

    def test_reserved_memory_alone_is_the_allocators(self) -> None:
        lines = cause_lines(make_verdict(after=make_entry(metrics={"peak_reserved": 765460480 + 64 * MIB})))
        assert lines[0].startswith("Reserved memory grew by 64 MiB though allocated memory did not: the allocator")
        assert "for the same tensors" in lines[0]

    def test_reserved_memory_is_not_explained_twice_where_allocated_memory_grew(self) -> None:
        after = grown_entry(num_bytes=64 * MIB, metrics={"peak_reserved": 765460480 + 64 * MIB})
        assert not [line for line in cause_lines(make_verdict(after=after)) if line.startswith("Reserved memory")]

    def test_another_phase_that_grew_is_named_with_the_command_that_explains_it(self) -> None:
        after = make_entry(metrics={"evaluation_peak_allocated": 787996160 + 3 * MIB})
        lines = cause_lines(make_verdict(after=after, evaluation_peak_allocated="0"))
        assert "evaluation by 3.00 MiB" in lines[0]
        assert "ladderscope explain --phase" in lines[0]


class TestOtherPhases:
    """Of a run in which loading grew by 64 MiB, while a tensor of the step went."""

    LOADING = 600 * MIB
    BEFORE = make_entry(metrics={"load_peak_allocated": LOADING, "load_peak_reserved": LOADING})
    LESS = with_places(AT_PEAK, activations={"transformer: _to_copy": 0})

    def after(self, **metrics: int) -> Entry:
        grown = {"load_peak_allocated": self.LOADING + 64 * MIB, "load_peak_reserved": self.LOADING + 64 * MIB}
        return make_entry(at_peak=self.LESS, metrics={**grown, **metrics})

    def test_a_phase_past_its_limit_is_told_first_where_the_step_takes_less(self) -> None:
        lines = cause_lines(make_verdict(self.BEFORE, self.after(), load_peak_allocated="0"))
        assert lines[:2] == [
            "The allocated peak of another phase grew: load by 64 MiB. `ladderscope explain --phase` shows it.",
            "At the peak, activations shrank by 2.25 MiB:",
        ]

    def test_and_behind_the_step_where_that_takes_more(self) -> None:
        after = make_entry(
            at_peak=with_places(AT_PEAK, activations={"transformer: clone": MIB}),
            metrics={"load_peak_allocated": self.LOADING + 64 * MIB, "load_peak_reserved": self.LOADING},
        )
        lines = cause_lines(make_verdict(self.BEFORE, after, load_peak_allocated="0", peak_allocated="0"))
        assert lines[0] == "At the peak, activations grew by 1.00 MiB:"
        assert lines[2].startswith("The allocated peak of another phase grew: load by 64 MiB.")

    def test_a_phase_within_its_limit_is_left_out_beside_the_step(self) -> None:
        lines = cause_lines(make_verdict(self.BEFORE, self.after(), load_peak_allocated="64MiB", peak_reserved="0"))
        assert not [line for line in lines if "another phase" in line]

    def test_reserved_memory_that_it_explains_is_not_called_fragmentation(self) -> None:
        after = self.after(peak_reserved=765460480 + 66 * MIB)
        lines = cause_lines(make_verdict(self.BEFORE, after, peak_reserved="0"))
        assert lines[0].startswith("The allocated peak of another phase grew: load by 64 MiB.")
        assert "fragmentation" not in "".join(lines)

    def test_reserved_memory_that_it_does_not_explain_is(self) -> None:
        after = self.after(peak_reserved=765460480 + 200 * MIB)
        lines = cause_lines(make_verdict(self.BEFORE, after, peak_reserved="0", load_peak_allocated="0"))
        assert lines[0].startswith("The allocated peak of another phase grew: load by 64 MiB.")
        assert "fragmentation" in "".join(lines)

    def test_a_phase_that_reserves_more_for_no_more_tensors(self) -> None:
        after = self.after(load_peak_allocated=self.LOADING)
        lines = cause_lines(make_verdict(self.BEFORE, after, load_peak_reserved="0"))
        assert lines[0] == (
            "The allocator holds more in another phase, for tensors that take no more: load by 64 MiB."
        )


class TestRenamedModules:
    RENAMED = make_entry(at_peak=renamed_blocks(AT_PEAK), saved=renamed_blocks(SAVED), peak_at="backward, lm_head, mm")

    def test_are_told_in_a_line(self) -> None:
        assert cause_lines(make_verdict(after=self.RENAMED)) == [
            "72 places have other names: side_network.blocks.* is now side_network.stages.*.",
            NO_VERSION,
        ]

    def test_leave_what_grew_beside_them_the_cause(self) -> None:
        extra = {"lm_head: clone": 2 * MIB}
        after = make_entry(
            at_peak=with_places(self.RENAMED.at_peak, activations=extra),
            saved=with_places(self.RENAMED.saved_for_backward, activations=extra),
        )
        assert cause_lines(make_verdict(after=after)) == [
            "At the peak, activations grew by 2.00 MiB:",
            "  +2.00 MiB lm_head: clone (new)",
            "72 places have other names: side_network.blocks.* is now side_network.stages.*.",
            NO_VERSION,
        ]

    def test_a_renamed_place_that_also_grew_shows_by_how_much(self) -> None:
        activations = {"side_network.stages.3.mlp.act: tanh": 786432 + MIB}
        at_peak = {category: unfold(places) for category, places in self.RENAMED.at_peak.items()}
        lines = cause_lines(make_verdict(after=make_entry(at_peak=with_places(at_peak, activations=activations))))
        assert lines[:2] == [
            "At the peak, activations grew by 1.00 MiB:",
            "  +1.00 MiB side_network.stages.3.mlp.act: tanh (768 KiB -> 1.75 MiB)",
        ]


class TestVersions:
    def test_those_that_changed_are_told_last(self) -> None:
        newer = {**VERSIONS, "torch": "2.13.0", "bitsandbytes": "0.50.2"}
        lines = cause_lines(make_verdict(after=grown_entry(versions=newer)))
        assert lines[-1] == (
            "Other versions than in the baseline: bitsandbytes none -> 0.50.2, torch 2.12.0 -> 2.13.0."
        )

    def test_without_versions_nothing_is_claimed(self) -> None:
        before = make_entry(versions={})
        assert not re.search("version", "\n".join(cause_lines(make_verdict(before, grown_entry()))))


class TestWhetherItFits:
    def test_a_cell_that_no_longer_fits_says_so_first_and_that_it_is_predicted(self) -> None:
        lines = cause_lines(make_verdict(after=grown_entry(status="oom")))
        assert lines[0].startswith("It no longer fits into the memory of rtx-3060-12gb (predicted)")

    def test_even_where_no_number_changed(self) -> None:
        verdict = make_verdict(after=make_entry(status="oom"))
        assert verdict.outcome == "regression"
        assert cause_lines(verdict)[0].startswith("It no longer fits")

    def test_a_cell_that_fits_now(self) -> None:
        lines = cause_lines(make_verdict(grown_entry(status="oom"), make_entry()))
        assert lines[0] == "It now fits into the memory of rtx-3060-12gb (predicted), which it did not before."

    def test_a_new_cell_that_does_not_fit(self) -> None:
        (line,) = cause_lines(EntryVerdict("new", "new", after=make_entry(status="oom")))
        assert line.startswith("It does not fit into the GPU's memory (predicted)")


def test_of_what_is_unchanged_or_was_not_measured_there_is_nothing_to_say() -> None:
    assert cause_lines(make_verdict()) == []
    assert cause_lines(EntryVerdict("broken", "failed", before=make_entry(), error="it broke")) == []
    assert cause_lines(EntryVerdict("new", "new", after=make_entry())) == []


def test_the_entries_of_these_tests_are_whole() -> None:
    entry = make_entry()
    placed = {category: sum(unfold(places).values()) for category, places in entry.at_peak.items()}
    assert {**placed, "rounding": entry.breakdown["rounding"]} == entry.breakdown
    assert sum(entry.breakdown.values()) == entry.metrics["peak_allocated"]
