"""Predicts one cell in this process, without a GPU: the same loop that a meter measures, on the simulated device."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from ladderscope.backbones.loading import DTYPES, Backbone, random_backbone
from ladderscope.backbones.names import backbone_config, resolve_name
from ladderscope.environment import describe_environment
from ladderscope.flops import count_flops
from ladderscope.measure import count_parameters, vocab_size
from ladderscope.memory.predict import MemoryTrace, predict_memory
from ladderscope.memory.predict.details import details_of, kept_for_backward
from ladderscope.memory.predict.gpus import CONTEXT_BYTES, Gpu, find_gpu
from ladderscope.memory.residents import state_bytes
from ladderscope.methods import get_method
from ladderscope.methods.side.skeleton import without_values
from ladderscope.parallel.ranks import first_alike, fullest, rank_memory
from ladderscope.parallel.replicas import DDP, NONE, sharded_rows, starts_on_host
from ladderscope.records import PREDICT, Cell, Flops, Forecast, Memory, Phase, Record
from ladderscope.training.batches import Batch, held_out_batches, training_batches
from ladderscope.training.examples import shape_of
from ladderscope.training.generation import generate
from ladderscope.training.loop import TrainingLoop

LOAD, EVALUATE, FIRST_STEP, STEADY_STEP = "load", "evaluation", "first step", "steady step"
GENERATION = "generation"
"""Spans of the trace of a cell, in order; generation where the cell has it."""
VARIED_STEPS = "steps of varied length"
"""The last span of :func:`predict_varied`."""
NO_OUTLIERS = "8-bit products: no activation is large enough for bitsandbytes to treat its column apart"
CUDA, META = torch.device("cuda"), torch.device("meta")


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What :func:`predict_cell` was asked for, beside the cell."""

    gpu: Gpu
    alloc_conf: str | None
    torch_version: str | None
    counts_flops: bool
    detailed: bool


@dataclass(frozen=True)
class Prediction:
    """The record of a predicted cell, and the trace that it was read from.

    On several GPUs the trace is that of the rank whose memory the record tells. ``sharded_rows`` are those of every
    weight of which each rank has a part.
    """

    record: Record
    trace: MemoryTrace
    sharded_rows: tuple[int, ...] = ()


def predict_cell(
    cell: Cell,
    gpu: Gpu | str,
    tick: Callable[[float], None] = lambda fraction: None,
    *,
    alloc_conf: str | None = None,
    torch_version: str | None = None,
    counts_flops: bool = True,
    detailed: bool = False,
) -> Prediction:
    """Trace the cell's training: loading, evaluation, the first step and one with the optimizer's state in place.

    A cell with ``generate`` then generates, as between two steps of a training run: the optimizer's state is there,
    gradients are not, and the allocator still holds what the steps have asked for. Every new token is traced, at about
    half a second each for a backbone of 32 blocks.

    Of several GPUs, ranks whose parts of the weights differ are traced one by one, the others taken for alike.

    Weights are never read, whatever the model: only shapes count. Where the GPU's memory runs out the record says
    ``oom``; its numbers are then what a larger GPU would need.

    Args:
        cell: what to train.
        gpu: the GPU that it is for.
        tick: is told the fraction that is done.
        alloc_conf: settings of the allocator as in ``PYTORCH_ALLOC_CONF``; by default what that variable holds.
        torch_version: whose rules to follow, ``"2.13"``; by default those of the PyTorch that runs.
        counts_flops: whether the record tells the FLOPs of a step; without them a prediction is faster.
        detailed: whether the record tells where the bytes of a steady step are.

    Returns:
        The record, ``meter`` being ``predict``, and the trace with the spans of this module.
    """
    asked = _Asked(
        gpu=find_gpu(gpu) if isinstance(gpu, str) else gpu,
        alloc_conf=alloc_conf,
        torch_version=torch_version,
        counts_flops=counts_flops,
        detailed=detailed,
    )
    first = _predict_rank(0, cell, asked, tick)
    if cell.num_gpus == 1:
        return first
    alike = first_alike(first.sharded_rows, cell.num_gpus)
    others = dataclasses.replace(asked, counts_flops=False)  # theirs are those of the first
    found = {0: first, **{rank: _predict_rank(rank, cell, others, tick) for rank in sorted({*alike} - {0})}}
    ranks = [dataclasses.replace(found[like].record.ranks[0], rank=rank) for rank, like in enumerate(alike)]
    told = found[alike[fullest(ranks)]]
    return dataclasses.replace(told, record=dataclasses.replace(told.record, ranks=ranks, flops=first.record.flops))


def _predict_rank(rank: int, cell: Cell, asked: _Asked, tick: Callable[[float], None]) -> Prediction:
    with _simulated(cell, asked.gpu, asked.alloc_conf, asked.torch_version, rank) as trace:
        loop = _load_and_evaluate(cell, trace, tick)
        with trace.span(FIRST_STEP):
            flops = _first_step(loop, cell.tokens_per_rank, asked.counts_flops)
        if cell.parallel == DDP:
            loop.step()  # in which it makes its buckets anew, in the order of the first backward pass
        tick(0.5 if cell.generate else 0.7)
        batches = loop.next_batches()  # as for a meter: they are there when the step begins
        with trace.span(STEADY_STEP):
            loop.step(batches)
        tick(0.6 if cell.generate else 1.0)
        if cell.generate:
            _generate(loop, cell, trace, tick)
        params = count_parameters(loop.model)
        states = state_bytes(loop.model, loop.optimizer, CUDA) if cell.num_gpus > 1 else {}
        rows = sharded_rows(loop.model) if cell.num_gpus > 1 else ()
    memory = _memory(trace)
    record = Record(
        cell=cell,
        meter=PREDICT,
        gpu=asked.gpu.name,
        status="ok" if trace.first_oom is None else "oom",
        error=None if trace.first_oom is None else str(trace.first_oom),
        weights="random",
        memory=memory,
        ranks=[rank_memory(rank, memory, states)] if cell.num_gpus > 1 else [],
        forecast=forecast_of(trace, asked.gpu),
        details=details_of(trace, STEADY_STEP) if asked.detailed else None,
        params=params,
        flops=flops,
        tokens_per_step=cell.tokens_per_step,
        env=describe_environment(),
    )
    return Prediction(record, trace, rows)


def predict_varied(
    cell: Cell,
    gpu: Gpu,
    lengths: Sequence[int],
    tick: Callable[[float], None] = lambda fraction: None,
    *,
    alloc_conf: str | None = None,
) -> MemoryTrace:
    """Trace one step after the other on rows of differing length, each micro-batch padded to one length.

    Args:
        cell: what to train; its ``seq_len`` does not count.
        gpu: the GPU that it is for.
        lengths: tokens per row, one entry per step; at least one.
        tick: is told the fraction that is done.
        alloc_conf: as for :func:`predict_cell`.

    Returns:
        The trace, with the spans LOAD, EVALUATE and VARIED_STEPS. Where memory runs out, it goes on as if there were
        more.
    """
    with _simulated(cell, gpu, alloc_conf) as trace:
        loop = _load_and_evaluate(cell, trace, tick, lengths)
        with trace.span(VARIED_STEPS):
            for step in range(len(lengths)):
                loop.step()
                tick(0.3 + 0.7 * (step + 1) / len(lengths))
    return trace


@contextmanager
def _simulated(
    cell: Cell, gpu: Gpu, alloc_conf: str | None, torch_version: str | None = None, rank: int = 0
) -> Iterator[MemoryTrace]:
    """The GPU, with the random numbers of the cell's seed; the caller's go on as if nothing had been."""
    with (
        torch.random.fork_rng(devices=[]),
        predict_memory(
            gpu,
            torch_version=torch_version,
            on_oom="continue",
            alloc_conf=alloc_conf,
            rank=rank,
            world_size=cell.num_gpus,
        ) as trace,
    ):
        torch.manual_seed(cell.seed)
        yield trace


def _load_and_evaluate(
    cell: Cell, trace: MemoryTrace, tick: Callable[[float], None], lengths: Sequence[int] | None = None
) -> TrainingLoop:
    with trace.span(LOAD):
        config = backbone_config(resolve_name(cell.model))
        if cell.quantization == "int8":
            trace.note(NO_OUTLIERS)
        home = META if starts_on_host(cell) else CUDA
        backbone = random_backbone(config, DTYPES[cell.dtype], cell.quantization, home, cell.seed, host=META)
        # Of several ranks, each has loaded when it has its part.
        loaded = None if cell.parallel == NONE else _make_loop(cell, backbone, lengths)
    tick(0.2)
    loop = loaded or _make_loop(cell, backbone, lengths)
    trace.name_model(loop.model)
    with trace.span(EVALUATE):
        loop.evaluate()
    # As the meter does: what loading and evaluation left in the cache is no part of a step's reserved memory.
    torch.cuda.empty_cache()
    tick(0.3)
    return loop


def _make_loop(cell: Cell, backbone: Backbone, lengths: Sequence[int] | None = None) -> TrainingLoop:
    method = get_method(cell.method)
    # Token ids of any text would do: how many there are is what counts.
    random = dataclasses.replace(cell, data=shape_of(cell.data))

    def batches() -> Iterator[Batch]:
        def of_length(tokens: int) -> Iterator[Batch]:
            rows = dataclasses.replace(random, seq_len=tokens)
            return training_batches(rows, None, vocab_size(backbone), CUDA)

        if lengths is None:
            return of_length(cell.seq_len)
        micro_batches = cell.gradient_accumulation
        return itertools.chain.from_iterable(itertools.islice(of_length(tokens), micro_batches) for tokens in lengths)

    torch.manual_seed(cell.seed)
    with without_values():
        model = method.build(backbone.model, cell)
        if method.prepare is not None and not starts_on_host(cell):
            # From one batch: what it starts from takes no memory of its own.
            method.prepare(model, (batch.inputs for batch in itertools.islice(batches(), 1)))
    return TrainingLoop(model, cell, batches(), held_out_batches(random, None, vocab_size(backbone), CUDA), CUDA)


def _generate(loop: TrainingLoop, cell: Cell, trace: MemoryTrace, tick: Callable[[float], None]) -> None:
    with trace.span(GENERATION):
        prompt = loop.next_batches()[0].input_ids
        generate(loop.model, prompt, cell.generate, lambda done: tick(0.6 + 0.4 * done / cell.generate))


def _first_step(loop: TrainingLoop, tokens: int, counts_flops: bool) -> Flops | None:
    if counts_flops:
        return count_flops(loop.model, loop.step, tokens)
    loop.step()
    return None


def _memory(trace: MemoryTrace) -> Memory:
    peak = trace.peak(STEADY_STEP)
    kept = kept_for_backward(trace, STEADY_STEP)
    return Memory(
        peak_allocated_bytes=peak.allocated_bytes,
        peak_reserved_bytes=trace.peak_reserved(STEADY_STEP),
        peak_rss_bytes=None,
        breakdown_bytes=peak.breakdown_bytes,
        saved_for_backward_bytes=None if kept is None else sum(allocation.num_bytes for allocation in kept),
    )


def forecast_of(trace: MemoryTrace, gpu: Gpu) -> Forecast:
    """The peaks of a trace by span, beside what the GPU can hold."""
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
