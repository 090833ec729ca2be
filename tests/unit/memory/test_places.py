"""Places of bytes: folded for people, unfolded for comparisons, and nothing lost between."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import pytest

from ladderscope.memory.places import count, fold, place_of_block, places_by_category, unfold


@dataclass
class Block:
    num_bytes: int
    category: str = "activations"
    module: str = "model"
    operation: str = "mm"
    phase: str = "forward"


class TestFolding:
    def test_numbers_of_equal_places_become_runs(self) -> None:
        values = {f"layers.{n}.mlp: mm": 5 for n in (0, 1, 2, 4, 7, 8)}
        assert fold(values) == {"layers.{0-2,4,7-8}.mlp: mm": 5}

    def test_a_block_that_differs_is_by_itself(self) -> None:
        values = {f"layers.{n}.mlp: mm": 9 if n == 3 else 5 for n in range(6)}
        assert fold(values) == {"layers.{0-2,4-5}.mlp: mm": 5, "layers.3.mlp: mm": 9}

    def test_experts_within_blocks_are_folded_too(self) -> None:
        values = {f"layers.{n}.experts.{e}.w1: mm": 5 for n in range(3) for e in range(8)}
        assert fold(values) == {"layers.{0-2}.experts.{0-7}.w1: mm": 5}

    def test_blocks_whose_experts_differ_are_not_taken_for_alike(self) -> None:
        values = {f"layers.{n}.experts.{e}: mm": 5 for n in range(3) for e in range(4) if (n, e) != (1, 2)}
        assert fold(values) == {"layers.{0,2}.experts.{0-3}: mm": 5, "layers.1.experts.{0-1,3}: mm": 5}

    @pytest.mark.parametrize(
        "place",
        [
            "lm_head: mm",
            "(the model itself): embedding",
            "backward: cublas workspace",
            "layers.3: mul.Tensor",
            "h2o.3d: mm",  # neither is a number
            "layers.007: mm",
            "layers.٣: mm",  # a decimal to Python, not to the reader of a file
            "layers.-1: mm",
            "layers.1e3: mm",
            pytest.param(f"layers.{'9' * 5000}: mm", id="more digits than int() reads"),
            "no operation",
            "",
            ": ",
            ".: mm",
            "layers.0. : mm",
        ],
    )
    def test_what_has_no_twin_keeps_its_name(self, place: str) -> None:
        assert fold({place: 5}) == {place: 5} == unfold({place: 5})
        assert count(place) == 1

    @pytest.mark.parametrize(
        "operation",
        ["flash_backward: dq_accum", "mul.Tensor", "my.3.op", "a.{1}.b", "{0-2}", "x: layers.3.y", "öp 'q' \"d\"", ""],
    )
    def test_the_operation_is_never_folded(self, operation: str) -> None:
        values = {f"layers.{n}: {operation}": 5 for n in range(3)}
        assert fold(values) == {f"layers.{{0-2}}: {operation}": 5}
        assert unfold(fold(values)) == values

    def test_operations_that_differ_in_a_number_stay_apart(self) -> None:
        values = {"head: op.1": 5, "head: op.2": 5}
        assert fold(values) == values

    def test_numbers_are_in_the_order_of_numbers_and_names_behind_them(self) -> None:
        values = {f"layers.{n}: mm": n for n in (10, 9, 100, 2)} | {"layers.norm: mm": 1, "a: mm": 1}
        assert list(fold(values)) == [
            "a: mm",
            "layers.2: mm",
            "layers.9: mm",
            "layers.10: mm",
            "layers.100: mm",
            "layers.norm: mm",
        ]

    def test_the_order_of_what_comes_in_makes_no_difference(self) -> None:
        values = {f"layers.{n}.experts.{e}: mm": (n * e) % 3 for n in range(6) for e in range(6)}
        shuffled = random.Random(0).sample(sorted(values), len(values))
        assert list(fold({place: values[place] for place in shuffled}).items()) == list(fold(values).items())

    def test_what_is_folded_is_folded_no_further(self) -> None:
        folded = fold({f"layers.{n}.experts.{e}: mm": n // 2 for n in range(5) for e in range(3)})
        assert fold(folded) == folded

    def test_values_are_compared_whatever_they_are(self) -> None:
        assert fold({"a.0: mm": (0, 5), "a.1: mm": (0, 5), "a.2: mm": (5, 0)}) == {
            "a.{0-1}: mm": (0, 5),
            "a.2: mm": (5, 0),
        }

    def test_nothing_is_nothing(self) -> None:
        assert fold({}) == {} == unfold({})


class TestInverse:
    @pytest.mark.parametrize("seed", range(20))
    def test_of_any_places(self, seed: int) -> None:
        rng = random.Random(seed)
        parts = ["layers", "experts", "0", "1", "2", "3", "10", "11", "007", "w.1", "x{y", "}", "*", "12"]
        operations = ["mm", "mul.Tensor", "a: b", "3", "{0-1}"]
        values = {
            f"{'.'.join(rng.choices(parts, k=rng.randint(1, 5)))}: {rng.choice(operations)}": rng.randint(0, 2)
            for _ in range(300)
        }
        folded = fold(values)
        assert unfold(folded) == values
        assert sum(map(count, folded)) == len(values)
        assert sum(count(place) * size for place, size in folded.items()) == sum(values.values())

    def test_thousands_of_places_take_no_time(self) -> None:
        values = {f"layers.{n}.experts.{e}.w: mm": 5 + (n == 17) for n in range(64) for e in range(128)}
        began = time.process_time()
        folded = fold(values)
        assert unfold(folded) == values
        assert time.process_time() - began < 1.0
        assert folded == {"layers.{0-16,18-63}.experts.{0-127}.w: mm": 5, "layers.17.experts.{0-127}.w: mm": 6}


class TestHandEdited:
    """Folded places come from files that people edit."""

    @pytest.mark.parametrize("numbers", ["3-1", "1,1", "2,0-1", "0-2,2", ",", "-", "1-", "-1", "0-1-2", "00", "1,,2"])
    def test_numbers_out_of_order_are_refused(self, numbers: str) -> None:
        for function in (unfold, fold):
            with pytest.raises(ValueError, match="no numbers in their order"):
                function({f"layers.{{{numbers}}}: mm": 5})
        with pytest.raises(ValueError, match="no numbers"):
            count(f"layers.{{{numbers}}}: mm")

    def test_a_place_in_two_folded_ones_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"'layers\.1: mm' is there twice"):
            unfold({"layers.{0-3}: mm": 5, "layers.1: mm": 6})

    @pytest.mark.parametrize("place", ["a.{0-999999999}: mm", "a.{0-1999}.b.{0-1999}: mm"])
    def test_more_places_than_any_model_has_are_refused_at_once(self, place: str) -> None:
        for function in (count, lambda place: unfold({place: 1})):
            with pytest.raises(ValueError, match="stands for"):
                function(place)

    @pytest.mark.parametrize("place", ["a.{x}: mm", "a.{}: mm", "a.{0-2: mm", "a.0-2}: mm", "a{0-2}: mm"])
    def test_other_braces_are_names(self, place: str) -> None:
        assert unfold({place: 5}) == {place: 5}


class TestBlocks:
    def test_bytes_of_a_place_add_up(self) -> None:
        blocks = [Block(3), Block(4), Block(5, operation="add")]
        assert places_by_category(blocks) == {"activations": {"model: add": 5, "model: mm": 7}}

    def test_categories_are_apart_and_in_their_order(self) -> None:
        blocks = [Block(1, "weights"), Block(2, "activations"), Block(4, "gradients")]
        places = places_by_category(blocks)
        assert places == {"activations": {"model: mm": 2}, "gradients": {"model: mm": 4}, "weights": {"model: mm": 1}}
        assert list(places) == ["activations", "gradients", "weights"]

    def test_a_workspace_belongs_to_a_phase_whichever_module_was_first(self) -> None:
        block = Block(8, "workspace", "model.layers.0.q_proj", "cublas workspace", "backward")
        assert place_of_block(block) == "backward: cublas workspace"

    def test_wrappers_are_left_out_and_what_is_outside_of_modules_says_so(self) -> None:
        assert place_of_block(Block(1, module="base_model.model.lm_head")) == "lm_head: mm"
        assert place_of_block(Block(1, module="")) == "(outside of modules, forward): mm"

    def test_braces_in_a_users_names_are_not_taken_for_folded_numbers(self) -> None:
        blocks = [Block(1, module="experts.{0-2}"), Block(2, module="experts.{x}")]
        places = places_by_category(blocks)["activations"]
        assert places == {"experts.(0-2): mm": 1, "experts.(x): mm": 2}
        assert unfold(places) == places
