"""What of a record can be a predictor or a response."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ladderscope.records import Record
from ladderscope.scaling.reading.roles import BYTES, ROLES

LOSS, EVAL_LOSS, ALLOCATED, RESERVED = "loss", "eval-loss", "peak-allocated", "peak-reserved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictor:
    """A predictor. ``of`` gives its value for one step, or for the whole run where it does not ``accumulate``."""

    role: str
    missing: str
    counts: str
    of: Callable[[Record], float | None]
    setting: str | None = None
    accumulates: bool = False

    @property
    def label(self) -> str:
        """Its name in tables."""
        return ROLES[self.role].label


PREDICTORS = {
    one.role: one
    for one in (
        Predictor(
            role="C",
            missing="it has no FLOPs",
            counts=(
                "floating-point operations of the method's own training steps, backward included, counted on the "
                "operations that run, a multiply and an add as two; matrix products, attention (causal in full) and "
                "4-bit and 8-bit products count, element-wise operations, norms, embedding look-ups, de-quantisation "
                "and the optimizer do not"
            ),
            of=lambda record: record.flops.per_step if record.flops else None,
            accumulates=True,
        ),
        Predictor(
            role="D",
            missing="it has no tokens per step",
            counts="tokens that went through the model in training, repeated ones each time",
            of=lambda record: record.tokens_per_step,
            accumulates=True,
        ),
        Predictor(
            role="N",
            missing="it has no parameter counts",
            counts="all parameters, embeddings and adapters included, a 4-bit weight as one",
            of=lambda record: record.params.total if record.params else None,
        ),
        Predictor(
            role="T",
            missing="it has no parameter counts",
            counts="parameters that are trained",
            of=lambda record: record.params.trainable if record.params else None,
        ),
        Predictor(
            role="S",
            missing="it has no sequence length",
            counts="tokens per row of a batch",
            of=lambda record: record.cell.seq_len,
            setting="seq_len",
        ),
        Predictor(
            role="R",
            missing="it has no rank",
            counts="the rank of the adapters",
            of=lambda record: record.cell.rank,
            setting="rank",
        ),
    )
}
"""Role -> predictor, those that a fit is most often about first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A response: ``of`` gives one value per run, or per step where it is of ``steps``."""

    name: str
    label: str
    unit: str
    missing: str
    counts: str
    of: Callable[[Record], list[float | None]]
    steps: bool = False

    @property
    def is_loss(self) -> bool:
        """Whether it says how well a method learns."""
        return self.unit != BYTES


RESPONSES = {
    one.name: one
    for one in (
        Response(
            name=LOSS,
            label="training loss",
            unit="nats per token",
            missing="it has no loss",
            counts="mean cross-entropy of each training batch, at the steps done with it",
            of=lambda record: list(record.loss),
            steps=True,
        ),
        Response(
            name=EVAL_LOSS,
            label="held-out loss",
            unit="nats per token",
            missing="it has no held-out loss",
            counts="mean cross-entropy on the held-out set after training",
            of=lambda record: [record.eval_loss.after] if record.eval_loss else [],
        ),
        Response(
            name=ALLOCATED,
            label="peak allocated memory",
            unit=BYTES,
            missing="it has no memory",
            counts="the peak of one training step in live tensors",
            of=lambda record: [record.memory.peak_allocated_bytes] if record.memory else [],
        ),
        Response(
            name=RESERVED,
            label="peak reserved memory",
            unit=BYTES,
            missing="it has no reserved memory",
            counts="the peak of one training step in what the allocator holds",
            of=lambda record: [record.memory.peak_reserved_bytes] if record.memory else [],
        ),
    )
}
"""Name -> response."""


def value_at(predictor: Predictor, response: Response, record: Record, step: int) -> float | None:
    """The predictor of the point that ``response`` has at ``step`` (from 1).

    Compute and tokens add up over the steps of a loss, to those of the whole run where it is the held-out one. Memory
    is that of one step, and so are compute and tokens then.
    """
    value = predictor.of(record)
    if value is None or not predictor.accumulates:
        return value
    steps = step if response.steps else record.cell.steps if response.is_loss else 1
    return float(value) * steps
