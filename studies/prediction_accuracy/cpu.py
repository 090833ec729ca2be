"""Compares predicted with measured peaks on this machine's CPU: the same training loop, traced and run.

The trace follows the rules of a CPU in place of CUDA's; all else of it is what predicts a GPU. Prints a table in
Markdown; some minutes on a core. From the repository root:

    OMP_NUM_THREADS=1 python -m studies.prediction_accuracy.cpu [--only PART_OF_LABEL]
"""

from __future__ import annotations

import argparse
import gc
import itertools
import statistics
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from ladderscope.backbones.catalogue import architecture_config
from ladderscope.backbones.loading import DTYPES, random_backbone
from ladderscope.measure import vocab_size
from ladderscope.memory.cpu import CpuMeter
from ladderscope.memory.predict.cpu_rules import predict_cpu_memory
from ladderscope.memory.predict.details import kept_for_backward
from ladderscope.memory.residents import resident_bytes
from ladderscope.methods import get_method
from ladderscope.parallel.replicas import starts_on_host
from ladderscope.predict import CUDA, META, STEADY_STEP
from ladderscope.records import Cell
from ladderscope.training.batches import Batch, training_batches
from ladderscope.training.loop import TrainingLoop
from ladderscope.training.loss import LOSS_FUNCTIONS

CPU = torch.device("cpu")
METHODS = ("full", "lora", "qlora", "ladder", "xladder", "qst", "lst")
MODELS = ("tiny-llama", "tiny-gpt2")
LARGER_MODEL, LARGER_LAYERS = "smollm2-135m", 4


class Bytes(NamedTuple):
    """The peak, and what the first forward pass leaves for backward; None where there is no backward."""

    peak: int
    saved_for_backward: int | None = None


BytesOf = Callable[[Cell, int | None], Bytes]


@dataclass(frozen=True)
class Comparison:
    """A steady training step of a cell, predicted and measured."""

    cell: Cell
    predicted: Bytes
    measured: Bytes

    @property
    def ratio(self) -> float:
        """Predicted over measured peak."""
        return self.predicted.peak / self.measured.peak


def predict_step(cell: Cell, layers: int | None = None) -> Bytes:
    """The second training step under the rules of a CPU. Nothing is computed."""
    with predict_cpu_memory() as trace:
        loop = make_loop(cell, layers, CUDA, META)
        loop.step()
        batches = loop.next_batches()
        with trace.span(STEADY_STEP):
            loop.step(batches)
        on_host = host_counts(loop)
    saved = sum(allocation.num_bytes for allocation in kept_for_backward(trace, STEADY_STEP) or ())
    return Bytes(trace.peak(STEADY_STEP).allocated_bytes + on_host, saved)


def host_counts(loop: TrainingLoop) -> int:
    """Bytes of optimizers' step counts: on the host, which a trace does not follow, and which is the device here."""
    states = [value for state in loop.optimizer.state.values() for value in state.values()]
    return sum(value.nbytes for value in states if isinstance(value, torch.Tensor) and value.is_cpu)


def measure_step(cell: Cell, layers: int | None = None) -> Bytes:
    """The second training step as PyTorch's CPU allocator tells it, without what was alive before the cell."""
    before = alive_bytes()
    loop = make_loop(cell, layers, CPU, CPU)
    loop.step()
    memory = CpuMeter().measure_step(loop)
    return Bytes(memory.peak_allocated_bytes - before, memory.saved_for_backward_bytes)


def compare(
    cell: Cell, layers: int | None = None, predict: BytesOf = predict_step, measure: BytesOf = measure_step
) -> Comparison:
    """Predict and measure a cell.

    Args:
        cell: of a ``random:`` model, on random tokens.
        layers: of the backbone; by default as many as its architecture has.
        predict: gives the bytes; by default those of a training step.
        measure: the same, measured.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Comparison(cell, predict(cell, layers), measure(cell, layers))


def alive_bytes() -> int:
    """Bytes of all tensors that are alive on the CPU."""
    gc.collect()
    nothing = nn.Linear(0, 0, device="meta")
    return sum(resident_bytes(nothing, torch.optim.SGD(nothing.parameters()), CPU).values())


@contextmanager
def only_new_objects() -> Iterator[None]:
    """Inside, searches for live tensors pass over what there was before: they take most of the time otherwise."""
    compare(make_cell(MODELS[0], "qlora", "bf16", checkpointing=True, tokens=16), layers=1)  # imports what is needed
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def make_loop(cell: Cell, layers: int | None, device: torch.device, host: torch.device) -> TrainingLoop:
    """The loop of a cell on random tokens, without an evaluation set; on CUDA it is a simulated one."""
    config = architecture_config(cell.model.removeprefix("random:"))
    if layers is not None:
        config.num_hidden_layers = layers
    home = host if starts_on_host(cell) else device
    backbone = random_backbone(config, DTYPES[cell.dtype], cell.quantization, home, cell.seed, host=host)
    method = get_method(cell.method)

    def batches() -> Iterator[Batch]:
        return training_batches(cell, None, vocab_size(backbone), device)

    torch.manual_seed(cell.seed)
    model = method.build(backbone.model, cell)
    if method.prepare is not None:
        method.prepare(model, (batch.inputs for batch in batches()))
    return TrainingLoop(model, cell, batches(), [], device)


def make_cell(model: str, method: str, dtype: str, checkpointing: bool, loss: str = "full", tokens: int = 256) -> Cell:
    """A cell of random weights and tokens; QLoRA and QST on NF4 with double quantisation."""
    return Cell(
        model=f"random:{model}",
        method=method,
        rank=4 if method in ("lora", "qlora") else None,
        reduction_factor=2 if method in ("ladder", "xladder", "qst", "lst") else None,
        quantization="nf4-dq" if method in ("qlora", "qst") else "none",
        dtype=dtype,
        gradient_checkpointing=checkpointing,
        loss_impl=loss,
        seq_len=tokens,
        data="random",
    )


def all_comparisons(only: str = "") -> Iterator[Comparison]:
    """Every method, with and without checkpointing, in fp32 and bf16, with both losses, model after model."""
    for model in (*MODELS, LARGER_MODEL):
        layers = LARGER_LAYERS if model == LARGER_MODEL else None
        for method, dtype, checkpointing, loss in itertools.product(METHODS, DTYPES, (False, True), LOSS_FUNCTIONS):
            cell = make_cell(model, method, dtype, checkpointing, loss)
            if only in f"{cell.label} {dtype} {loss}":
                yield compare(cell, layers)


def summary(comparisons: Sequence[Comparison]) -> str:
    """One line: how many, and minimum, median and maximum of predicted over measured."""
    ratios = [comparison.ratio for comparison in comparisons]
    median = statistics.median(ratios)
    return f"{len(ratios)} cells: minimum {min(ratios):.4f}, median {median:.4f}, maximum {max(ratios):.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only",
        default="",
        help="part of the label, dtype and loss of the cells to compare, such as 'lora r=4 256 tokens bf16'",
    )
    args = parser.parse_args()
    print("| cell | dtype | checkpointing | loss | predicted bytes | measured bytes | predicted / measured |")
    print("| --- | --- | --- | --- | ---: | ---: | ---: |")
    done = []
    with only_new_objects():
        for comparison in all_comparisons(args.only):
            print(_row(comparison), flush=True)
            done.append(comparison)
    if done:
        print(f"\n{summary(done)}")


def _row(comparison: Comparison) -> str:
    cell = comparison.cell
    checkpointing = "yes" if cell.gradient_checkpointing else "no"
    return (
        f"| {cell.label.removeprefix('random:')} | {cell.dtype} | {checkpointing} | {cell.loss_impl} "
        f"| {comparison.predicted.peak:,} | {comparison.measured.peak:,} | {comparison.ratio:.5f} |"
    )


if __name__ == "__main__":
    main()
