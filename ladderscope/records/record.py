"""What measuring or predicting a cell gave."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from ladderscope.errors import LedgerError, UnknownNameError
from ladderscope.records.cell import Cell
from ladderscope.records.fields import check_fields
from ladderscope.records.names import FIRST_SCHEMA, SCHEMA_VERSION, STATUSES, RecordKey, Status
from ladderscope.records.parts import Answers, Details, EvalLoss, Flops, Forecast, Memory, Params, Phase, RankMemory

_NEWER_ANSWERS_FIELDS = ("groups", "items")
"""Left out where they are empty, as in older records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The result of a cell under one meter. Parts that were not reached are ``None`` or empty.

    ``weights`` is ``pretrained`` or ``random``: a loss on random weights says nothing about a method.
    ``loss`` and ``step_seconds`` have one entry per optimizer step, in nats per trained token and seconds.
    ``answers`` are those of the trained model, by the name of the test set; only studies ask for them.
    ``ranks`` are those of a cell on several GPUs; ``memory`` is then that of the first rank with the highest peak.
    """

    cell: Cell
    meter: str
    status: Status
    gpu: str | None = None
    error: str | None = None
    weights: str | None = None
    memory: Memory | None = None
    ranks: list[RankMemory] = field(default_factory=list)
    forecast: Forecast | None = None
    details: Details | None = None
    params: Params | None = None
    flops: Flops | None = None
    loss: list[float] = field(default_factory=list)
    eval_loss: EvalLoss | None = None
    answers: dict[str, Answers] = field(default_factory=dict)
    step_seconds: list[float] = field(default_factory=list)
    tokens_per_step: int | None = None
    env: dict[str, Any] = field(default_factory=dict)

    @property
    def schema_version(self) -> int:
        """The oldest that has all that the record holds: an older ladderscope then reads it, or asks for an upgrade.

        Records of several GPUs that were written before there was a version 2 say 1, and are read as well.
        """
        return SCHEMA_VERSION if self.ranks or self.cell.gpus_label else FIRST_SCHEMA

    @property
    def key(self) -> RecordKey:
        """What a ledger holds at most one valid record of: cell, meter and GPU."""
        return (self.cell.cell_id, self.meter, self.gpu)

    @property
    def seconds_per_step(self) -> float | None:
        """Median seconds of a step, the first (which warms caches up) left out where there are others."""
        steady = self.step_seconds[1:] or self.step_seconds
        return statistics.median(steady) if steady else None

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens that went through the model per second, at the median step."""
        seconds = self.seconds_per_step
        return self.tokens_per_step / seconds if seconds and self.tokens_per_step else None

    def to_json(self) -> dict[str, Any]:
        """The record as JSON values, with ``cell_id`` beside the cell."""
        values = {**dataclasses.asdict(self), "cell": self.cell.to_json()}
        for name in ("forecast", "details", "answers", "ranks"):
            if not values[name]:
                del values[name]
        for answers in values.get("answers", {}).values():
            for name in _NEWER_ANSWERS_FIELDS:
                if not answers[name]:
                    del answers[name]
        if values["memory"] is not None and values["memory"]["saved_for_backward_bytes"] is None:
            del values["memory"]["saved_for_backward_bytes"]
        return {"schema_version": self.schema_version, "cell_id": self.cell.cell_id, **values}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The record that :meth:`to_json` wrote.

        Raises:
            LedgerError: the record comes from a newer schema, or a field is missing, unknown or impossible.
        """
        version = values.get("schema_version")
        if not isinstance(version, int):
            raise LedgerError("it has no schema_version, so it is not a ladderscope record")
        if version > SCHEMA_VERSION:
            raise LedgerError(
                f"it has schema version {version} and this ladderscope reads up to {SCHEMA_VERSION}: "
                "upgrade ladderscope to read it"
            )
        try:
            return cls(**_parsed_parts(cls, values))
        except (TypeError, KeyError, AttributeError, UnknownNameError) as error:
            raise LedgerError(f"it is not a complete record ({error})") from error


_PARTS = {
    "cell": Cell,
    "memory": Memory,
    "details": Details,
    "params": Params,
    "flops": Flops,
    "eval_loss": EvalLoss,
}


def _parsed_parts(cls: type[Record], values: Mapping[str, Any]) -> dict[str, Any]:
    known = dict(values)
    for name in ("schema_version", "cell_id"):
        known.pop(name, None)
    check_fields(cls, known, "record field")
    for name, part in _PARTS.items():
        if (fields := known.get(name)) is not None:
            known[name] = _part(part, fields, name)
    if (forecast := known.get("forecast")) is not None:
        phases = {name: Phase(**phase) for name, phase in forecast["phases"].items()}
        known["forecast"] = _part(Forecast, {**forecast, "phases": phases}, "forecast")
    if "answers" in known:
        known["answers"] = {name: _part(Answers, one, "answers") for name, one in known["answers"].items()}
    if "ranks" in known:
        known["ranks"] = [_part(RankMemory, one, "ranks") for one in known["ranks"]]
    if known["status"] not in STATUSES:
        raise UnknownNameError("status", known["status"], STATUSES)
    return known


def _part(cls: type[Any], values: Mapping[str, Any], name: str) -> Any:
    check_fields(cls, values, f"{name} field")
    return cls(**values)
