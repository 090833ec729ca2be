"""Points from records."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.ledger.selection import SELECTABLE, is_about_records, select_records
from ladderscope.records import PREDICT, Cell, Record
from ladderscope.scaling.reading.columns import Columns
from ladderscope.scaling.reading.ledger_axes import (
    EVAL_LOSS,
    LOSS,
    PREDICTORS,
    RESPONSES,
    Predictor,
    Response,
    value_at,
)
from ladderscope.scaling.reading.ledger_notes import notes_on_records
from ladderscope.scaling.reading.out_of_memory import needed_at_least
from ladderscope.scaling.reading.raw_points import RawPoints
from ladderscope.scaling.reading.request import TableRequest
from ladderscope.scaling.reading.roles import LONG_NAMES, ROLES, axis_name
from ladderscope.scaling.results.scaling_fit import AxisInfo, LeftOut
from ladderscope.scaling.table import CENSORED, GROUP, RESPONSE, RUN, WEIGHT
from ladderscope.tables.cells import text_of
from ladderscope.tables.conditions import parse_condition

SETTINGS = tuple(field.name for field in dataclasses.fields(Cell))
KEYS = ("model", "data", "seed", "seq_len", "batch_size", "gradient_accumulation", "steps")
"""By these, runs of two methods match whatever they hold; what a method chooses for itself is not among them."""


@dataclass(frozen=True, slots=True)
class _Run:
    """A record that gives points: ``values`` of the response, ``censored`` where they are lower bounds."""

    record: Record
    values: list[float]
    censored: bool = False


def default_predictor(y: str) -> str:
    """The role of the predictor that a response of ledgers is fitted over where none is asked for."""
    return "C" if RESPONSES[y].is_loss else "S"


def points_of_records(records: Sequence[Record], request: TableRequest) -> RawPoints:
    """The points of ``records``.

    Records of different meters, GPUs and (for a loss) weights never share a group: they are not comparable.

    Raises:
        UnknownNameError: no such response, predictor or setting of a cell.
        UsageError: the request names columns, which ledgers do not have, or a condition leaves nothing.
    """
    response, asked = _response(request), _asked(request)
    by = request.by or "method"
    if by not in SETTINGS:
        raise UnknownNameError("setting to group by", by, SETTINGS)
    needed = [PREDICTORS[role] for role in asked or (default_predictor(response.name),)]
    of_records, of_points = _split(request.where)
    chosen, of_choice = select_records(_with_gpus(records), of_records)
    runs, left_out = _runs(chosen, response, needed)
    more = _columns_of_records(of_points)
    points = [point for run in runs for point in _points_of(run, response, more)]
    table = pd.DataFrame(points, columns=[*_COLUMNS, *more])
    columns, notes = Columns(table, {}).filtered(of_points if points else ())
    kept = columns.own
    axes = [one for role, one in PREDICTORS.items() if one in needed or _is_complete(kept[role])]
    columns_of_table: dict[str, Any] = {
        **{name: kept[name].map(text_of) for name in SETTINGS},
        GROUP: _groups(kept, by, response),
        RUN: _clusters(kept, request),
        WEIGHT: 1.0,
    }
    frame = kept.assign(**columns_of_table).astype(dict.fromkeys(PREDICTORS, float))
    return RawPoints(
        frame=frame,
        response=_info(response.name, response.label, response.unit, response.counts),
        axes={one.role: _axis(one, response) for one in axes},
        asked=asked,
        named=asked,
        by=by,
        settings=tuple(name for name in SETTINGS if name != by),
        keys=tuple(name for name in KEYS if name != by),
        fixed=frozenset(one.setting for one in needed if one.setting),
        left_out=left_out,
        notes=[*notes_on_records([run.record for run in runs], frame, response), *of_choice, *notes],
    )


_OF_RECORDS = ("meter", "gpu", "weights", "status")
_COLUMNS = [RESPONSE, *PREDICTORS, *SETTINGS, *_OF_RECORDS, "step", CENSORED, "key", *RESPONSES]


def _response(request: TableRequest) -> Response:
    if request.columns or request.weights:
        option = "--columns" if request.columns else "--weights"
        raise UsageError(f"{option} names columns of tables, and a ledger has records: leave it out.")
    name = request.y or LOSS
    if name not in RESPONSES:
        raise UnknownNameError("response of a ledger", name, RESPONSES)
    over = [PREDICTORS[role] for role in _asked(request)]
    # Over what is fixed in a run its steps are no curve: how it ends is what counts.
    return RESPONSES[EVAL_LOSS if name == LOSS and over and not any(one.accumulates for one in over) else name]


def _asked(request: TableRequest) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(axis_name(name) for name in request.x))
    for name, role in zip(request.x, found, strict=False):
        if role not in PREDICTORS:
            raise UnknownNameError("predictor of a ledger", name, [*LONG_NAMES, *PREDICTORS])
    return found


def _runs(
    records: Sequence[Record], response: Response, needed: Sequence[Predictor]
) -> tuple[list[_Run], list[LeftOut]]:
    runs, left_out = [], []
    for record in records:
        run = _run_of(record, response)
        reason = run if isinstance(run, str) else _why_without_predictor(record, needed)
        if reason is not None:
            left_out.append(LeftOut(record.cell.label, reason))
        elif isinstance(run, _Run):
            runs.append(run)
    return runs, left_out


def _split(where: Sequence[str]) -> tuple[list[str], list[str]]:
    """Conditions on whole records, which are cheap and come first, and those on the points of a run."""
    of_records = [text for text in where if is_about_records(parse_condition(text))]
    return of_records, [text for text in where if text not in of_records]


def _columns_of_records(where: Sequence[str]) -> list[str]:
    """The columns of records that conditions on points are about too."""
    names = [name for text in where for name in parse_condition(text).names()]
    return [name for name in dict.fromkeys(names) if name in SELECTABLE and name not in _COLUMNS]


def _with_gpus(records: Sequence[Record]) -> list[Record]:
    """A failed record does not say on which GPU it was; where all others of its meter were on one, it was too."""
    known: dict[str, set[str | None]] = {}
    for record in records:
        if record.status == "ok":
            known.setdefault(record.meter, set()).add(record.gpu)

    def with_gpu(record: Record) -> Record:
        if record.status == "ok" or record.gpu is not None or len(known.get(record.meter, ())) != 1:
            return record
        (gpu,) = known[record.meter]
        return dataclasses.replace(record, gpu=gpu)

    return [with_gpu(record) for record in records]


def _run_of(record: Record, response: Response) -> _Run | str:
    """The run, or the reason why it gives no point."""
    predicted = record.status == "oom" and record.meter == PREDICT and record.memory is not None
    if record.status == "oom" and not response.is_loss and not predicted:
        bound = needed_at_least(record)
        return _Run(record, [bound], censored=True) if bound else "it ran out of memory, and does not say at how much"
    if record.status != "ok" and not (predicted and not response.is_loss):
        return f"its status is {record.status}"
    values = [math.nan if value is None else float(value) for value in response.of(record)]
    if not values or (len(values) == 1 and math.isnan(values[0])):
        return response.missing
    wrong = [value for value in values if not (math.isfinite(value) and value > 0)]
    return f"its {response.label} is not a positive number ({wrong[0]})" if wrong else _Run(record, values)


def _why_without_predictor(record: Record, needed: Sequence[Predictor]) -> str | None:
    return next((one.missing for one in needed if not one.of(record)), None)


def _points_of(run: _Run, response: Response, more: Sequence[str]) -> list[dict[str, Any]]:
    record = run.record
    shared = {
        **{name: getattr(record.cell, name) for name in SETTINGS},
        **{name: getattr(record, name) for name in _OF_RECORDS},
        "key": " ".join(str(part) for part in record.key if part is not None),
        CENSORED: run.censored,
        **{name: SELECTABLE[name].of(record) for name in more},
    }
    return [
        {
            **shared,
            "step": step,
            RESPONSE: value,
            response.name: value,
            **{role: value_at(one, response, record, step) for role, one in PREDICTORS.items()},
        }
        for step, value in enumerate(run.values, start=1)
    ]


def _is_complete(column: pd.Series[Any]) -> bool:
    return bool((column.notna() & (column.astype(float) > 0)).all())


def _groups(points: pd.DataFrame, by: str, response: Response) -> pd.Series[str]:
    """The group of each point: ``by``, and what else keeps runs apart, where that differs."""
    traits = ("meter", "gpu", "weights") if response.is_loss else ("meter", "gpu")
    telling = [name for name in traits if points[name].nunique(dropna=False) > 1]
    values = points[by].map(text_of)
    if not telling:
        return values
    known = points[telling].apply(lambda row: ", ".join(str(trait) for trait in row if not pd.isna(trait)), axis=1)
    return pd.Series(
        [f"{value} ({trait})" if trait else value for value, trait in zip(values, known, strict=True)],
        index=points.index,
        dtype=object,
    )


def _clusters(points: pd.DataFrame, request: TableRequest) -> pd.Series[str]:
    names = [name.strip() for name in (request.cluster or "run").split(",")]
    columns = {name: "key" if name == "run" else name for name in names}
    for name, column in columns.items():
        if column not in points:
            raise UnknownNameError("column of runs", name, ["run", *SETTINGS])
    first, *others = (points[column].map(text_of) for column in columns.values())
    for other in others:
        first = first + " / " + other
    return first


def _axis(one: Predictor, response: Response) -> AxisInfo:
    per_step = one.accumulates and not response.is_loss
    counts = f"{one.counts}, of one step" if per_step else one.counts
    return _info(one.role, f"{one.label} per step" if per_step else one.label, ROLES[one.role].unit, counts)


def _info(name: str, label: str, unit: str, counts: str) -> AxisInfo:
    return AxisInfo(name=name, label=label, unit=unit, counts=counts)
