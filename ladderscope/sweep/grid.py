"""From a grid (YAML and flags) to cells, each of them checked before anything runs."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ladderscope.backbones.names import BackboneName, backbone_config, resolve_name
from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.methods import Method, get_method
from ladderscope.methods.settings import canonical_settings, parse_settings
from ladderscope.records import Cell
from ladderscope.sweep.checks import check_cell
from ladderscope.training.examples import GSM_SYMBOLIC, RANDOM
from ladderscope.yaml_files import read_mappings

Grid = Mapping[str, Sequence[Any]]
"""Axis name -> its values; the cells are all their combinations."""

DEFAULTS: dict[str, list[Any]] = {
    "model": ["smollm2-135m"],
    "method": ["qlora", "ladder", "xladder"],
    "rank": [8],
    "reduction": [None],
    "seq_len": [256],
    "batch_size": [1],
    "gradient_accumulation": [1],
    "dtype": ["bf16"],
    "quantization": [None],
    "optimizer": ["adamw"],
    "lr": [None],
    "gradient_checkpointing": [False],
    "loss_impl": ["full"],
    "steps": [16],
    "seed": [0],
    "data": [None],
    "settings": [None],
    "generate": [0],
    "adapter_dtype": ["fp32"],
    "parallel": ["none"],
    "num_gpus": [None],
}
"""Every axis with its default; None means that method or model decide."""


def cells_of_files(paths: Sequence[Path], over: Grid) -> list[Cell]:
    """The cells of all grids in these files, or of the defaults where there is none, each overridden by ``over``.

    Raises:
        UsageError: as :func:`read_grids` and :func:`resolve_cells`.
    """
    grids = [grid for path in paths for grid in read_grids(path)] or [{}]
    return list(dict.fromkeys(cell for grid in grids for cell in resolve_cells(grid, over)))


def read_grids(path: Path) -> list[Grid]:
    """The grids of a YAML file, one or several that ``---`` separates.

    Each maps names as on the command line to one value or a list.

    Raises:
        UsageError: the file cannot be read or holds no mapping.
        UnknownNameError: a key that is no axis.
    """
    shape = "map names such as `model` and `seq_len` to a value or a list"
    return [grid_of(values) for values in read_mappings(path, "the grid", shape)]


def grid_of(values: Mapping[Any, Any]) -> Grid:
    """The grid that a mapping of YAML stands for: names as on the command line, each with one value or a list.

    Raises:
        UsageError: a value that is no text or number.
        UnknownNameError: a key that is no axis.
    """
    return {_axis(key): _values(key, value) for key, value in values.items()}


def _values(key: object, value: object) -> list[Any]:
    values = value if isinstance(value, list) else [value]
    for item in values:
        if not isinstance(item, str | int | float | None) and not (key == "settings" and isinstance(item, dict)):
            raise UsageError(f"{key} in the grid holds {item!r}: give a value, or a list of values.")
    return values


def _axis(key: object) -> str:
    name = str(key).replace("-", "_")
    if name == "reduction_factor":
        name = "reduction"
    if name not in DEFAULTS:
        raise UnknownNameError("key in the grid", key, DEFAULTS)
    return name


def resolve_cells(*grids: Grid) -> list[Cell]:
    """The cells of the defaults overridden by ``grids``, later ones first; each axis is replaced as a whole.

    An axis that a method has no use for (a rank for a side network) does not multiply its cells.

    Raises:
        UsageError: a value that is impossible, alone or with the others of its cell.
    """
    axes: dict[str, Sequence[Any]] = dict(DEFAULTS)
    for grid in grids:
        axes.update(grid)
    for name, values in axes.items():
        if not values:
            raise UsageError(f"the grid gives no value for {name}: give one, or leave the key out.")
    combinations = itertools.product(*axes.values())
    return list(dict.fromkeys(_cell(dict(zip(axes, values, strict=True))) for values in combinations))


def _cell(values: dict[str, Any]) -> Cell:
    model, method = _resolve_model(str(values["model"])), get_method(values["method"])
    reduction = values.pop("reduction")
    values["reduction_factor"] = None
    if method.size == "reduction_factor":
        values["reduction_factor"] = method.default_reduction if reduction is None else reduction
    values["rank"] = values["rank"] if method.size == "rank" else None
    values["method"], values["settings"] = method.name, settings_of(method, values["settings"])
    _fill_defaults(values, model, method)
    cell = Cell(**values)
    check_cell(cell, model, method, _config_of(model))
    return cell


def settings_of(method: Method, given: str | Mapping[str, Any] | None) -> str:
    """Those of a method's file, with what is given over them."""
    if not method.settings:
        return canonical_settings(given)
    over = parse_settings(canonical_settings(given))
    return canonical_settings({**parse_settings(method.settings), **over})


def _fill_defaults(values: dict[str, Any], model: BackboneName, method: Method) -> None:
    if values["quantization"] is None:
        values["quantization"] = method.quantizations[0]
    # YAML reads 1e-3, without a point, as text; and 1 and 1.0 are the same rate.
    values["lr"] = _number(method.default_lr if values["lr"] is None else values["lr"])
    if values["data"] is None:
        values["data"] = GSM_SYMBOLIC if model.has_tokenizer else RANDOM
    values["data"] = str(values["data"])
    if values["num_gpus"] is None:
        values["num_gpus"] = 1 if values["parallel"] == "none" else 2


def _number(value: Any) -> Any:
    try:
        return value if isinstance(value, bool) else float(value)
    except ValueError:
        return value


@functools.cache
def _resolve_model(name: str) -> BackboneName:
    return resolve_name(name)


@functools.cache
def _config_of(model: BackboneName) -> Any:
    return backbone_config(model)
