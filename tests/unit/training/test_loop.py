from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from itertools import repeat
from typing import Any

import pytest
import torch
from torch import Tensor

from ladderscope.backbones.loading import DTYPES, load_backbone
from ladderscope.backbones.names import resolve_name
from ladderscope.backbones.quantize import quantization_state
from ladderscope.methods import METHODS, get_method
from ladderscope.records import Cell
from ladderscope.training.batches import IGNORED, Batch
from ladderscope.training.loop import StepResult, TrainingLoop

CPU = torch.device("cpu")
BASE = Cell(model="random:tiny-llama", method="full", dtype="fp32", seq_len=32, lr=1e-2)


def make_cell(method: str, **settings: Any) -> Cell:
    size = {"rank": 8} if get_method(method).size == "rank" else {"reduction_factor": 4}
    quantization = get_method(method).quantizations[0]
    return dataclasses.replace(BASE, **{"method": method, "quantization": quantization, **size, **settings})


def make_loop(cell: Cell, batches: Iterator[Batch]) -> TrainingLoop:
    backbone = load_backbone(resolve_name(cell.model), DTYPES[cell.dtype], cell.quantization, CPU, cell.seed)
    return TrainingLoop(get_method(cell.method).build(backbone.model, cell), cell, batches, [random_batch(seed=99)])


def random_batch(seed: int = 0, rows: int = 2, ignored: int = 0) -> Batch:
    """Rows of random tokens, the first ``ignored`` of each without a loss."""
    ids = torch.randint(512, (rows, BASE.seq_len), generator=torch.Generator().manual_seed(seed))
    labels = ids.clone()
    labels[:, :ignored] = IGNORED
    return Batch(ids, labels)


def joined(batches: list[Batch]) -> Batch:
    return Batch(torch.cat([b.input_ids for b in batches]), torch.cat([b.labels for b in batches]))


def random_batches() -> Iterator[Batch]:
    return (random_batch(seed) for seed in range(1000))


def weights(loop: TrainingLoop) -> dict[str, Tensor]:
    """All weights, quantised ones as they are stored."""
    return {name: parameter.detach().clone() for name, parameter in loop.model.named_parameters()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


# ---------------------------------------------------------------- training


@pytest.mark.parametrize("method", METHODS)
def test_the_loss_falls_on_a_batch_that_is_seen_again_and_again(method: str) -> None:
    loop = make_loop(make_cell(method), repeat(random_batch()))
    losses = [loop.step().loss for _ in range(60)]
    assert losses[0] == pytest.approx(math.log(512), abs=0.2)
    assert losses[-1] < losses[0] - 0.5


@pytest.mark.parametrize("method", METHODS)
def test_the_backbone_is_frozen_but_for_full_fine_tuning(method: str) -> None:
    loop = make_loop(make_cell(method), random_batches())
    before = weights(loop)
    for _ in range(3):  # the first step moves the way out only, the second what writes to the side stream
        loop.step()
    moved = {name for name, weight in weights(loop).items() if not torch.equal(weight, before[name])}
    assert moved == {name for name, parameter in loop.model.named_parameters() if parameter.requires_grad}


def test_two_micro_batches_of_one_row_train_like_one_of_two() -> None:
    """Also where they differ in the number of tokens with a loss: the mean is over tokens, not over batches."""
    small = [random_batch(seed, rows=1, ignored=20 * (seed % 2)) for seed in range(6)]
    large = [joined(small[i : i + 2]) for i in range(0, 6, 2)]
    one = make_loop(make_cell("full", batch_size=1, gradient_accumulation=2), iter(small))
    two = make_loop(make_cell("full", batch_size=2), iter(large))
    assert one.backward(one.next_batches()) == pytest.approx(two.backward(two.next_batches()), rel=1e-6)
    for name, parameter in one.model.named_parameters():
        torch.testing.assert_close(parameter.grad, two.model.get_parameter(name).grad, rtol=1e-4, atol=1e-6)
    one.update()
    two.update()
    assert [one.step().loss for _ in range(2)] == pytest.approx([two.step().loss for _ in range(2)], rel=1e-4)


def test_the_loss_is_a_mean_over_trained_tokens() -> None:
    batch = random_batch(ignored=16)
    loop = make_loop(make_cell("full"), repeat(batch))
    loop.model.eval()
    logits = loop.model(input_ids=batch.input_ids).logits[:, 15:-1].flatten(0, 1)
    by_hand = torch.nn.functional.cross_entropy(logits, batch.input_ids[:, 16:].flatten())
    assert loop.step().loss == pytest.approx(by_hand.item(), rel=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_checkpointing_changes_nothing_but_memory(method: str) -> None:
    plain = make_loop(make_cell(method), random_batches())
    checkpointed = make_loop(make_cell(method, gradient_checkpointing=True), random_batches())
    losses = [plain.step().loss for _ in range(3)]
    assert [checkpointed.step().loss for _ in range(3)] == pytest.approx(losses, rel=1e-5)


def test_a_step_frees_the_gradients_and_takes_time() -> None:
    loop = make_loop(make_cell("full"), random_batches())
    assert loop.step().seconds > 0
    assert all(parameter.grad is None for parameter in loop.model.parameters())


def test_a_step_takes_as_many_batches_as_are_accumulated() -> None:
    batches = random_batches()
    make_loop(make_cell("full", gradient_accumulation=3), batches).step()
    assert torch.equal(next(batches).input_ids, random_batch(seed=3).input_ids)


# ---------------------------------------------------------------- evaluation


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", METHODS)
def test_an_evaluation_leaves_the_training_as_it_is(method: str, dtype: str) -> None:
    """With quantised weights in bf16 too, which bitsandbytes would repack in inference mode on some CPUs."""
    plain, watched = (make_loop(make_cell(method, dtype=dtype), random_batches()) for _ in range(2))
    watched.evaluate()
    assert same(weights(watched), weights(plain))
    for _ in range(3):
        assert watched.step().loss == plain.step().loss
        watched.evaluate()
    assert same(weights(watched), weights(plain))


@pytest.mark.parametrize("quantization", ["nf4", "nf4-dq", "int8"])
def test_an_evaluation_leaves_quantised_weights_bit_identical(quantization: str) -> None:
    loop = make_loop(make_cell("ladder", dtype="bf16", quantization=quantization), random_batches())
    before, constants = weights(loop), [state.clone() for state in quantization_state(loop.model)]
    loop.evaluate()
    assert same(weights(loop), before)
    after = list(quantization_state(loop.model))
    assert len(after) == len(constants)
    assert all(map(torch.equal, after, constants))


@pytest.mark.parametrize("loss_impl", ["full", "chunked"])
def test_an_evaluation_keeps_nothing_for_backward(loss_impl: str) -> None:
    loop = make_loop(make_cell("full", loss_impl=loss_impl), random_batches())
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(kept.append, lambda _: kept.pop()):
        loop.evaluate()
    assert kept == []


@pytest.mark.parametrize("loss_impl", ["full", "chunked"])
def test_an_evaluation_is_the_mean_over_the_tokens_of_all_held_out_batches(loss_impl: str) -> None:
    held_out = [random_batch(1), random_batch(2, rows=1, ignored=20)]
    cell = make_cell("full", loss_impl=loss_impl)
    model = make_loop(cell, random_batches()).model
    at_once = joined(held_out)
    by_transformers = model(input_ids=at_once.input_ids, labels=at_once.labels).loss.item()
    loop = TrainingLoop(model, cell, random_batches(), held_out)
    assert loop.evaluate() == pytest.approx(by_transformers, rel=1e-6)


@pytest.mark.parametrize("method", ["ladder", "xladder"])
def test_a_side_network_starts_as_the_backbone(method: str) -> None:
    tuned = make_loop(make_cell(method, quantization="none"), random_batches())
    assert tuned.evaluate() == make_loop(make_cell("full"), random_batches()).evaluate()


def test_a_step_says_no_more_digits_than_are_known() -> None:
    """Ledgers hold thousands of them: seven digits are those of fp32, and clocks of steps tell microseconds."""
    assert StepResult.measured(1.7345678901234, 0.48712345678) == StepResult(loss=1.734568, seconds=0.487123)
    assert StepResult.measured(3.25e-9, 1e-7) == StepResult(loss=3.25e-9, seconds=0.0)
