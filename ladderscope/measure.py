"""Measures one cell in this process: builds it, trains it, watches one more step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from ladderscope.backbones.loading import DTYPES, Backbone, load_backbone
from ladderscope.backbones.names import resolve_name
from ladderscope.backbones.quantize import quant_state_of
from ladderscope.environment import describe_environment
from ladderscope.flops import count_flops
from ladderscope.memory.base import Meter
from ladderscope.memory.residents import state_bytes
from ladderscope.methods import get_method
from ladderscope.parallel.group import rank
from ladderscope.parallel.ranks import rank_memory
from ladderscope.parallel.replicas import starts_on_host
from ladderscope.records import Cell, EvalLoss, Params, Record
from ladderscope.stages import fraction_at
from ladderscope.training.batches import Batch, held_out_batches, training_batches
from ladderscope.training.loop import TrainingLoop

HOST = torch.device("cpu")
Tick = Callable[[float], None]
"""Told the fraction of the cell that is done."""


def measure_cell(cell: Cell, meter: Meter, tick: Tick = lambda fraction: None) -> Record:
    """Train the cell and measure it.

    The held-out set is evaluated before and after ``cell.steps`` training steps. Then one more forward and backward
    pass counts the FLOPs, and a further step, with the optimizer's state in place, measures the memory: so neither
    losses nor step times carry the cost of being watched.

    Args:
        cell: what to train.
        meter: what measures the memory, and on which device.
        tick: is told of the progress.

    Returns:
        The record; of a cell on several GPUs that of this rank, which all ranks have to measure together.
    """
    progress = _Progress(tick, cell.steps)
    progress.begin()
    backbone, loop = prepare_loop(cell, meter.device)
    progress.begin()
    before = loop.evaluate()
    steps = []
    for _ in range(cell.steps):
        progress.begin()
        steps.append(loop.step())
    check_finite([before, *(step.loss for step in steps)])
    progress.begin()
    after = loop.evaluate()
    progress.begin()
    flops = count_flops(loop.model, lambda: forward_and_backward(loop), cell.tokens_per_rank)
    progress.begin()
    memory = meter.measure_step(loop)
    tick(1.0)
    ranks = []
    if cell.num_gpus > 1:
        ranks = [rank_memory(rank(), memory, state_bytes(loop.model, loop.optimizer, meter.device))]
    return Record(
        cell=cell,
        meter=meter.name,
        gpu=meter.hardware(),
        status="ok",
        weights=backbone.weights,
        memory=memory,
        ranks=ranks,
        params=count_parameters(loop.model),
        flops=flops,
        loss=[step.loss for step in steps],
        eval_loss=EvalLoss(before=before, after=after),
        step_seconds=[step.seconds for step in steps],
        tokens_per_step=cell.tokens_per_step,
        env=describe_environment(),
    )


def prepare_loop(
    cell: Cell,
    device: torch.device,
    held_out: Callable[[Backbone], list[Batch]] | None = None,
    rows: Callable[[Backbone], Iterator[Batch]] | None = None,
) -> tuple[Backbone, TrainingLoop]:
    """Load the cell's backbone onto ``device`` and let its method build on it; the loop has not trained yet.

    Args:
        cell: what is to be trained.
        device: where.
        held_out: makes another evaluation set than that of the cell's data.
        rows: makes other training batches, without an end, than those of the cell's data.
    """
    torch.manual_seed(cell.seed)
    home = HOST if starts_on_host(cell) else device
    backbone = load_backbone(resolve_name(cell.model), DTYPES[cell.dtype], cell.quantization, home, cell.seed)
    torch.manual_seed(cell.seed)
    method = get_method(cell.method)
    model = method.build(backbone.model, cell)

    def batches() -> Iterator[Batch]:
        if rows is not None:
            return rows(backbone)
        return training_batches(cell, backbone.tokenizer, vocab_size(backbone), device)

    if method.prepare is not None:
        method.prepare(model, (batch.inputs for batch in batches()))
    if held_out is not None:
        return backbone, TrainingLoop(model, cell, batches(), held_out(backbone), device)
    usual = held_out_batches(cell, backbone.tokenizer, vocab_size(backbone), device)
    return backbone, TrainingLoop(model, cell, batches(), usual, device)


def check_finite(losses: list[float]) -> None:
    """Raise FloatingPointError where training has diverged."""
    if not all(map(math.isfinite, losses)):
        raise FloatingPointError("the loss is no longer a finite number: lower the learning rate with --lr")


@dataclass
class _Progress:
    tick: Tick
    steps: int
    stage: int = field(default=0)

    def begin(self) -> None:
        """The next of the stages that ``stage_at`` names begins."""
        self.stage += 1
        self.tick(fraction_at(self.stage, self.steps))


def vocab_size(backbone: Backbone) -> int:
    """Number of tokens that the backbone knows."""
    config: Any = backbone.model.config
    return int(config.get_text_config().vocab_size)


def forward_and_backward(loop: TrainingLoop) -> None:
    """One more pass, whose gradients are let go: for what is counted beside the training."""
    loop.model.train()
    loop.backward(loop.next_batches())
    loop.optimizer.zero_grad(set_to_none=True)


def count_parameters(model: nn.Module) -> Params:
    """Trained and all parameters; a 4-bit weight counts the parameters it stands for, a tied weight once."""
    parameters = list(model.parameters())
    packed = {id(module.weight): quant_state_of(module) for module in model.modules() if hasattr(module, "weight")}
    return Params(
        trainable=sum(p.numel() for p in parameters if p.requires_grad),
        total=sum(_num_parameters(p, packed.get(id(p))) for p in parameters),
    )


def _num_parameters(parameter: nn.Parameter, state: Any) -> int:
    return int(torch.Size(state.shape).numel()) if state is not None else parameter.numel()
