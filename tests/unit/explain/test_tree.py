from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ladderscope.explain.answer import Answer
from ladderscope.explain.difference import Difference, difference_of
from ladderscope.explain.lines import tree_lines
from ladderscope.explain.tree import Node, cut
from ladderscope.predict import EVALUATE, FIRST_STEP, LOAD, STEADY_STEP

Explain = Callable[..., Answer]
METHODS = ("full", "lora", "qlora", "lst", "ladder")


def walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from walk(child)


def child(node: Node, *names: str) -> Node:
    for name in names:
        (node,) = (child for child in node.children if child.name == name)
    return node


@pytest.mark.parametrize("phase", [LOAD, EVALUATE, FIRST_STEP, STEADY_STEP])
@pytest.mark.parametrize("method", METHODS)
def test_the_parts_sum_to_the_peak_to_the_byte(method: str, phase: str, answer: Explain) -> None:
    explained = answer(method, phase)
    assert explained.tree.num_bytes == explained.trace.peak(phase).allocated_bytes > 0
    for node in walk(explained.tree):
        if node.children:
            assert sum(part.num_bytes for part in node.children) == node.num_bytes, node.name
        assert node.kind == "operation" or node.children or node.name == "rounding"


@pytest.mark.parametrize("method", METHODS)
def test_categories_are_those_of_the_breakdown(method: str, answer: Explain) -> None:
    explained = answer(method)
    breakdown = {name: size for name, size in explained.trace.breakdown(STEADY_STEP).items() if size}
    assert {part.name: part.num_bytes for part in explained.tree.children if part.num_bytes} == breakdown


def test_repeated_blocks_are_one_node_with_their_number(answer: Explain) -> None:
    tree = answer("qlora").tree
    for category in ("weights", "activations", "adapter_weights", "optimizer_state", "quantization_state"):
        assert child(tree, category, "model.layers.*").repeats == 4
    assert not any("base_model" in node.name or "base_layer" in node.name for node in walk(tree))


def test_what_a_model_owns_is_in_its_module(answer: Explain) -> None:
    tree = answer("lora").tree
    # tiny-llama: 512 tokens of 64, in bf16; LoRA is in fp32, and AdamW keeps two moments of it
    assert child(tree, "weights", "lm_head", "weight").num_bytes == 512 * 64 * 2
    adapter = child(tree, "adapter_weights", "model.layers.*", "self_attn.q_proj.lora_A", "weight")
    assert adapter.num_bytes == 4 * 8 * 64 * 4
    state = child(tree, "optimizer_state", "model.layers.*", "self_attn.q_proj.lora_A")
    assert {part.name: part.num_bytes for part in state.children} == {
        "exp_avg": adapter.num_bytes,
        "exp_avg_sq": adapter.num_bytes,
    }


def test_gradients_are_in_the_modules_of_their_parameters(answer: Explain) -> None:
    gradients = child(answer("full", FIRST_STEP).tree, "gradients")
    assert {node.name for node in gradients.children} <= {
        "lm_head",
        "model.embed_tokens",
        "model.layers.*",
        "model.norm",
    }
    assert child(gradients, "lm_head", "weight").num_bytes == 512 * 64 * 2


@pytest.mark.parametrize("method", ["full", "ladder"])
def test_modules_have_their_full_names_where_the_loss_calls_the_decoder_alone(method: str, answer: Explain) -> None:
    names = {node.name for node in walk(answer(method, loss_impl="chunked").tree) if node.kind == "block"}
    assert {"model.layers.*", "model.embed_tokens", "lm_head"} <= names
    assert not names & {"layers.*", "embed_tokens"}


def test_a_side_network_is_named_by_itself(answer: Explain) -> None:
    weights = child(answer("ladder").tree, "adapter_weights", "side_network.blocks.*")
    assert weights.repeats == 4
    assert weights.num_bytes > 0


def test_a_cut_tree_keeps_its_bytes(answer: Explain) -> None:
    tree = answer("qlora").tree
    assert max(len(node.children) for node in cut(tree, 1).children) == 0
    assert cut(tree, 1).num_bytes == tree.num_bytes
    assert cut(tree, 4) == tree


def differences(node: Difference) -> Iterator[Difference]:
    yield node
    for part in node.children:
        yield from differences(part)


def test_a_difference_sums_exactly_in_every_node_and_begins_with_the_largest(answer: Explain) -> None:
    a, b = answer("qlora").tree, answer("ladder").tree
    difference = difference_of(a, b)
    assert (difference.a_bytes, difference.b_bytes) == (a.num_bytes, b.num_bytes)
    for node in differences(difference):
        if node.children:
            assert sum(part.num_bytes for part in node.children) == node.num_bytes == node.b_bytes - node.a_bytes
            assert sum(part.a_bytes for part in node.children) == node.a_bytes
        sizes = [abs(part.num_bytes) for part in node.children]
        assert sizes == sorted(sizes, reverse=True)


def test_a_cell_differs_from_itself_nowhere(answer: Explain) -> None:
    tree = answer("lora").tree
    assert all(node.num_bytes == 0 for node in differences(difference_of(tree, tree)))


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_printed_lines_of_a_level_sum_to_the_whole(depth: int, answer: Explain) -> None:
    tree = answer("ladder").tree
    root, *lines = tree_lines(tree, depth)
    assert root.nodes == (tree,)
    top_level = [line for line in lines if line.stem in ("├ ", "└ ")]
    assert sum(node.num_bytes for line in top_level for node in line.nodes) == tree.num_bytes
