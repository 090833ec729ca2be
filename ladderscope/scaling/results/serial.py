"""The file of a fit: JSON with a schema version (see :mod:`~ladderscope.scaling.results.values` for its numbers)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ladderscope.errors import UsageError
from ladderscope.scaling.results.scaling_fit import SCHEMA_VERSION, ScalingFit
from ladderscope.scaling.results.values import NotThisTypeError, from_values, to_values
from ladderscope.whole_files import write_atomically

SHOWN_ON_TOP = ("parameters", "objective", "certificate")
"""Parts of the only group's fit that stand at the top level too, for scripts; reading passes over them."""


def fit_values(fit: ScalingFit) -> dict[str, Any]:
    """``fit`` as JSON values; ``parameters``, ``objective`` and ``certificate`` of an only group also on top."""
    values: dict[str, Any] = to_values(fit)
    only = values["groups"][0]["fit"] if len(values["groups"]) == 1 else {}
    return {"schema_version": values.pop("schema_version"), **{k: only[k] for k in SHOWN_ON_TOP if only}, **values}


def fit_from_values(values: Any) -> ScalingFit:
    """The fit that :func:`fit_values` gave ``values`` for.

    Raises:
        UsageError: they are no fit, or one of another schema version.
    """
    version = values.get("schema_version") if isinstance(values, dict) else None
    if type(version) is not int or "groups" not in values:
        raise UsageError("it is not a fit that `ladderscope fit-scaling` wrote.")
    if version != SCHEMA_VERSION:
        way_out = "upgrade ladderscope" if version > SCHEMA_VERSION else "fit the runs again"
        raise UsageError(
            f"it has schema version {version} and this ladderscope reads version {SCHEMA_VERSION}: {way_out}."
        )
    try:
        return from_values(ScalingFit, {name: value for name, value in values.items() if name not in SHOWN_ON_TOP})
    except NotThisTypeError as error:
        raise UsageError(f"it is not a complete fit: {error}.") from error


def write_fit(fit: ScalingFit, path: str | Path) -> None:
    """Write ``fit`` as JSON, replacing what was there in one step.

    Raises:
        UsageError: ``path`` cannot be written.
    """
    write_atomically(Path(path), json.dumps(fit_values(fit), indent=1, allow_nan=False) + "\n")


def read_fit(path: str | Path) -> ScalingFit:
    """The fit that :func:`write_fit` wrote.

    Raises:
        UsageError: the file cannot be read, or is not a fit of this version.
    """
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the fit {path}: {error.strerror}.") from error
    except ValueError as error:
        raise UsageError(f"{path} is not a fit that `ladderscope fit-scaling` wrote: it is not JSON.") from error
    try:
        return fit_from_values(values)
    except UsageError as error:
        raise UsageError(f"cannot use the fit {path}: {error}") from error
