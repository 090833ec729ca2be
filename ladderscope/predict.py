"""Predicts one cell in this process, without a GPU: the same loop that a meter measures, on the simulated device."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from ladderscope.backbones.loading import DTYPES, Backbone, random_backbone
from ladderscope.backbones.names import backbone_config, resolve_name
from ladderscope.environment import describe_environment
from ladderscope.flops import count_flops
from ladderscope.measure import count_parameters, vocab_size
from ladderscope.memory.predict import MemoryTrace, predict_memory
from ladderscope.memory.predict.gpus import CONTEXT_BYTES, Gpu, find_gpu
from ladderscope.methods import get_method
from ladderscope.records import PREDICT, Cell, Forecast, Memory, Phase, Record
from ladderscope.training.batches import Batch, held_out_batches, training_batches
from ladderscope.training.examples import RANDOM
from ladderscope.training.loop import TrainingLoop

LOAD, EVALUATE, FIRST_STEP, STEADY_STEP = "load", "evaluation", "first step", "steady step"
"""Spans of the trace of a cell, in order."""
CUDA, META = torch.device("cuda"), torch.device("meta")


@dataclass(frozen=True)
class Prediction:
    """The record of a predicted cell, and the trace that it was read from."""

    record: Record
    trace: MemoryTrace


def predict_cell(cell: Cell, gpu: Gpu | str, tick: Callable[[float], None] = lambda fraction: None) -> Prediction:
    """Trace the cell's training: loading, evaluation, the first step and one with the optimizer's state in place.

    Weights are never read, whatever the model: only shapes count. Where the GPU's memory runs out the record says
    ``oom``; its numbers are then what a larger GPU would need.

    Args:
        cell: what to train.
        gpu: the GPU that it is for.
        tick: is told the fraction that is done.

    Returns:
        The record, ``meter`` being ``predict``, and the trace with the spans of this module.
    """
    gpu = find_gpu(gpu) if isinstance(gpu, str) else gpu
    with predict_memory(gpu, on_oom="continue") as trace:
        torch.manual_seed(cell.seed)
        with trace.span(LOAD):
            config = backbone_config(resolve_name(cell.model))
            backbone = random_backbone(config, DTYPES[cell.dtype], cell.quantization, CUDA, cell.seed, host=META)
        tick(0.2)
        loop = _make_loop(cell, backbone)
        with trace.span(EVALUATE):
            loop.evaluate()
        # As the meter does: what loading and evaluation left in the cache is no part of a step's reserved memory.
        torch.cuda.empty_cache()
        tick(0.3)
        tokens = cell.seq_len * cell.batch_size * cell.gradient_accumulation
        with trace.span(FIRST_STEP):
            flops = count_flops(loop.model, lambda: _step(loop), tokens)
        tick(0.7)
        with trace.span(STEADY_STEP):
            loop.step()
        tick(1.0)
        params = count_parameters(loop.model)
    record = Record(
        cell=cell,
        meter=PREDICT,
        gpu=gpu.name,
        status="ok" if trace.first_oom is None else "oom",
        error=None if trace.first_oom is None else str(trace.first_oom),
        weights="random",
        memory=_memory(trace),
        forecast=_forecast(trace, gpu),
        params=params,
        flops=flops,
        tokens_per_step=tokens,
        env=describe_environment(),
    )
    return Prediction(record, trace)


def _make_loop(cell: Cell, backbone: Backbone) -> TrainingLoop:
    method = get_method(cell.method)
    # Token ids of any text would do: how many there are is what counts.
    random = dataclasses.replace(cell, data=RANDOM)

    def batches() -> Iterator[Batch]:
        return training_batches(random, None, vocab_size(backbone), CUDA)

    torch.manual_seed(cell.seed)
    model = method.build(backbone.model, cell)
    if method.prepare is not None:
        # From one batch: what it starts from takes no memory of its own.
        method.prepare(model, (vars(batch) for batch in itertools.islice(batches(), 1)))
    return TrainingLoop(model, cell, batches(), held_out_batches(random, None, vocab_size(backbone), CUDA))


def _step(loop: TrainingLoop) -> None:
    loop.step()


def _memory(trace: MemoryTrace) -> Memory:
    peak = trace.peak(STEADY_STEP)
    return Memory(
        peak_allocated_bytes=peak.allocated_bytes,
        peak_reserved_bytes=trace.peak_reserved(STEADY_STEP),
        peak_rss_bytes=None,
        breakdown_bytes=peak.breakdown_bytes,
    )


def _forecast(trace: MemoryTrace, gpu: Gpu) -> Forecast:
    return Forecast(
        phases={
            span.name: Phase(
                peak_allocated_bytes=trace.peak(span.name).allocated_bytes,
                peak_reserved_bytes=trace.peak_reserved(span.name),
            )
            for span in trace.spans
        },
        usable_bytes=gpu.usable_bytes,
        outside_bytes=CONTEXT_BYTES,
        unverified=list(trace.rules.unverified),
    )
