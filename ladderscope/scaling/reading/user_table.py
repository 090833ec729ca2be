"""Points from the tables of users: columns by role."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.scaling.reading.checkpoints import LikelyRuns, likely_runs
from ladderscope.scaling.reading.checks import check_copies, check_runs
from ladderscope.scaling.reading.columns import Columns
from ladderscope.scaling.reading.files import Kind, read_rows
from ladderscope.scaling.reading.raw_points import RawPoints
from ladderscope.scaling.reading.request import TableRequest
from ladderscope.scaling.reading.roles import (
    BYTES,
    LONG_NAMES,
    PREDICTORS,
    RESPONSES,
    ROLES,
    SETTINGS,
    axis_name,
    predictor,
)
from ladderscope.scaling.results.scaling_fit import AxisInfo
from ladderscope.scaling.table import CENSORED, GROUP, RESPONSE, RUN, WEIGHT
from ladderscope.tables.cells import as_flags, as_numbers, as_texts, is_outcome, listed, text_of

ONE_GROUP = "all"
FEWEST_BYTES = 1e6
BYTES_ASSUMED = (
    "Memory is taken for bytes, and all of it is below 1 MB: if it is in another unit, say so with --columns, such as "
    "memory=COLUMN*2**30 for GiB."
)
LOWER_BOUNDS = "Rows whose status is out of memory are lower bounds of the memory that is needed: {n}."
UNUSED_STATUS = (
    "The column 'status' ({words}) is not used: --columns status=status makes rows out of memory lower bounds, and "
    "--where \"status == 'ok'\" or the like leaves rows out."
)
_MEMORY_NAMES = ("peak-allocated", "peak-reserved")
_TAKEN = (RESPONSE, GROUP, RUN, WEIGHT, CENSORED)


def points_of_tables(paths: Sequence[Path], kinds: Sequence[Kind], request: TableRequest) -> RawPoints:
    """The points of tables, which are read as if they were one.

    Raises:
        UsageError: a table cannot be read, a condition leaves nothing, or cells are not what their role needs.
        UnknownNameError: a column or predictor that is not there.
    """
    given = {**request.columns, **({} if request.weights is None else {"weight": request.weights})}
    columns, notes = Columns(_read(paths, kinds), given).filtered(request.where)
    return _Reader(columns, request, ", ".join(path.name for path in paths)).points(
        notes, [str(path) for path in paths]
    )


def _read(paths: Sequence[Path], kinds: Sequence[Kind]) -> pd.DataFrame:
    tables = [read_rows(path, kind) for path, kind in zip(paths, kinds, strict=True)]
    if len(tables) > 1:
        for table, path in zip(tables, paths, strict=True):
            table.index = pd.Index([f"{row} of {path.name}" for row in table.index])
    return pd.concat(tables) if len(tables) > 1 else tables[0]


@dataclass(frozen=True)
class _Reader:
    columns: Columns
    request: TableRequest
    origin: str

    def points(self, notes: list[str], sources: list[str]) -> RawPoints:
        response, y = self._response()
        by, group = self._group()
        axes, asked = self._axes()
        settings = {name: self._text(name) for name in self._settings(by) if name not in axes}
        run = self._run()
        censored, on_status = self._censored(response)
        few_bytes = response.unit == BYTES and bool((y.dropna() < FEWEST_BYTES).all())
        notes = [*notes, *on_status, *([BYTES_ASSUMED] if few_bytes else [])]
        index = self.columns.own.index
        frame = pd.DataFrame(
            {
                RESPONSE: y,
                **{name: values for name, (_, values) in axes.items()},
                GROUP: group,
                RUN: [f"row {row}" for row in index] if run is None else run,
                WEIGHT: self._numbers("weight") if self._has("weight") else 1.0,
                CENSORED: censored,
                **settings,
            },
            index=index,
        )
        self._check_runs(run, frame, by, list(axes))
        if run is None and (likely := self._likely_runs(frame, by, list(settings), list(axes))):
            run = frame[RUN] = likely.names
            notes = [*notes, likely.note]
        return RawPoints(
            frame=frame,
            response=response,
            axes={name: info for name, (info, _) in axes.items()},
            asked=asked,
            named=tuple(dict.fromkeys((*asked, *(name for name in PREDICTORS if name in self.columns.given)))),
            by=by,
            settings=tuple(settings),
            keys=tuple(name for name in settings if name in SETTINGS),
            has_runs=run is not None,
            notes=notes,
            sources=sources,
        )

    def _has(self, role: str) -> bool:
        return self.columns.source_of(role) is not None

    def _numbers(self, role: str) -> pd.Series[float]:
        return as_numbers(self.columns.role(role), self._called(role))

    def _text(self, role: str) -> pd.Series[str]:
        return as_texts(self.columns.role(role), self._called(role))

    def _called(self, role: str) -> str:
        source = self.columns.source_of(role)
        return f"column {source!r}" if source == role else f"{role} (column {source!r})"

    def _column(self, name: str) -> pd.Series[Any]:
        """A role, or else a column, by its name."""
        return self.columns.role_first(name)

    def _response(self) -> tuple[AxisInfo, pd.Series[float]]:
        name = self.request.y or next((role for role in RESPONSES if self._has(role)), "loss")
        own = self.columns.own
        spelled = name.replace("-", "_")
        if name in _MEMORY_NAMES and name not in own and (self._has("memory") or spelled not in own):
            name = "memory"
        elif name not in own and name not in RESPONSES and spelled in own:
            name = spelled
        if name in RESPONSES:
            if not self._has(name):
                raise self._no_column(name)
            info = AxisInfo(name=name, label=ROLES[name].label, unit=ROLES[name].unit, counts=self._counts(name))
            return info, self._numbers(name)
        unit = "bytes" if name.endswith("_bytes") else name
        info = AxisInfo(name=name, label=name, unit=unit, counts=f"column {name!r} of {self.origin}")
        return info, as_numbers(self._column(name), f"column {name!r}")

    def _group(self) -> tuple[str, Any]:
        by = self.request.by or "method"
        if self.request.by is None and not self._has("method"):
            return by, ONE_GROUP
        role = predictor(by) if by not in self.columns.own else None
        return by, as_texts(self._column(role or by), f"column {by!r}")

    def _run(self) -> pd.Series[str] | None:
        if self.request.cluster is None or self.request.cluster == "run":
            if self.request.cluster and not self._has("run"):
                raise self._no_column("run")
            return self._text("run") if self._has("run") else None
        names = [name.strip() for name in self.request.cluster.split(",") if name.strip()]
        first, *others = (as_texts(self._column(name), f"column {name!r}") for name in names)
        for other in others:
            first = first + " / " + other
        return first

    def _check_runs(self, cluster: pd.Series[str] | None, frame: pd.DataFrame, by: str, predictors: list[str]) -> None:
        """Runs by their own names where there are such beside clusters."""
        run = self._text("run") if self._has("run") else cluster
        if run is None:
            check_copies(self.columns.own)
        else:
            check_runs(run, frame, by, predictors)

    def _likely_runs(self, frame: pd.DataFrame, by: str, settings: list[str], axes: list[str]) -> LikelyRuns | None:
        taken = {self.columns.source_of(role) for role in ROLES} | {by, self.request.y, *axes}
        free = [name for name in self.columns.own.columns if name not in taken and name not in ROLES]
        return likely_runs(frame, by, settings, axes, self.columns.own[free])

    def _settings(self, by: str) -> list[str]:
        return [name for name in ("method", *SETTINGS) if name != by and self._has(name)]

    def _censored(self, response: AxisInfo) -> tuple[pd.Series[bool] | bool, list[str]]:
        """Which responses are lower bounds, and what to know about the column called ``status``."""
        for role in ("censored", "status"):
            if self._has(role):
                return as_flags(self.columns.role(role), self._called(role)), []
        status = self.columns.own.get("status")
        if status is None or "status" in self.columns.given.values():
            return False, []
        if is_outcome(status) and response.unit == BYTES:
            flags = as_flags(status, "column 'status'")
            return flags, [LOWER_BOUNDS.format(n=int(flags.sum()))] if flags.any() else []
        words = list(dict.fromkeys(status.map(text_of)))
        return False, [] if len(words) == 1 else [UNUSED_STATUS.format(words=listed(words))]

    def _axes(self) -> tuple[dict[str, tuple[AxisInfo, pd.Series[float]]], tuple[str, ...]]:
        """The predictors by name, and the names of those that were asked for."""
        asked = tuple(dict.fromkeys(axis_name(name) for name in self.request.x))
        found = {}
        for name in (*asked, *(role for role in PREDICTORS if role not in asked and self._has(role))):
            if name in PREDICTORS:
                if not self._has(name):
                    raise self._no_column(name)
                found[name] = (self._role_axis(name), self._numbers(name))
            else:
                found[name] = self._own_axis(name)
        return found, asked

    def _role_axis(self, name: str) -> AxisInfo:
        role = ROLES[name]
        label = str(self.columns.source_of(name)).strip("`") if name == "X" else role.label
        return AxisInfo(name=name, label=label, unit=role.unit, counts=self._counts(name))

    def _own_axis(self, name: str) -> tuple[AxisInfo, pd.Series[float]]:
        own = self.columns.own
        if name not in own.columns:
            raise UnknownNameError("predictor", name, [*LONG_NAMES, *PREDICTORS, *own.columns])
        if name in _TAKEN:
            raise UsageError(f"the column {name!r} cannot be a predictor by that name: give --columns X={name} --x X.")
        info = AxisInfo(name=name, label=name, unit="", counts=f"column {name!r} of {self.origin}")
        return info, as_numbers(own[name], f"column {name!r}")

    def _counts(self, role: str) -> str:
        return f"{str(self.columns.source_of(role)).strip('`')!r} of {self.origin}"

    def _no_column(self, role: str) -> UsageError:
        long = next((f" ({name})" for name, short in LONG_NAMES.items() if short == role), "")
        names = ", ".join(map(str, self.columns.own.columns))
        return UsageError(
            f"the table has no column for {role}{long}: name it with --columns {role}=COLUMN; its columns are {names}."
        )
