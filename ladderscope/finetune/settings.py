"""What a training run is made of: one cell, and how long, on what schedule and in which folder it is trained."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ladderscope.backbones.names import resolve_name
from ladderscope.errors import DataError, UnknownNameError, UsageError
from ladderscope.methods import get_method
from ladderscope.records import Cell
from ladderscope.sweep.grid import DEFAULTS, resolve_cells
from ladderscope.training.examples import WITHOUT_TEXT, read_source
from ladderscope.training.optimizer import NEEDS_CUDA
from ladderscope.yaml_files import read_mapping

SCHEDULES = {"constant": "constant_with_warmup", "linear": "linear", "cosine": "cosine"}
"""Our names of the learning rate schedules -> transformers' names; all of them warm up first."""

METHOD = "ladder"
"""The method where none is given."""


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """One training run.

    Args:
        cell: model, method, data and the shape of a step. Its ``steps`` say nothing where ``epochs`` are given.
        out: the folder of the adapter and the checkpoints.
        epochs: passes over the training rows; None where ``steps`` are given.
        steps: optimizer steps; None where ``epochs`` are given.
        schedule: of the learning rate: constant, linear or cosine, down to zero at the end.
        warmup_ratio: part of the steps over which the learning rate rises from zero.
        weight_decay: of matrices.
        max_grad_norm: to which gradients are clipped; 0 for no clipping.
        eval_fraction: part of the examples that is held out; 0 for no evaluation.
        eval_data: data to evaluate on instead.
        eval_every: steps between evaluations; None for one before and one after training only.
        save_every: steps between checkpoints; None for ten in a run.
        keep: checkpoints to keep; 0 for none when the run is done.
        cache_taps: folder where the taps of a side network are kept, so that the backbone runs over the data once;
            None runs it in every step.
        cache_bits: of a cached tap's channel: 16 or 8.
        max_memory: of each device that the backbone may use while it fills the cache, as accelerate takes it.
    """

    cell: Cell
    out: Path
    epochs: float | None = 1
    steps: int | None = None
    schedule: str = "constant"
    warmup_ratio: float = 0.03
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    eval_fraction: float = 0.05
    eval_data: str | None = None
    eval_every: int | None = None
    save_every: int | None = None
    keep: int = 1
    cache_taps: str | None = None
    cache_bits: int = 16
    max_memory: Mapping[int | str, int | str] | None = None

    def identity(self) -> dict[str, Any]:
        """All that decides losses and weights, as JSON values: equal in two runs that give the same."""
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        for name in ("cell", "out", "save_every", "keep", "cache_taps", "max_memory"):
            del own[name]
        # 16 bits keep what a 16-bit backbone gives; 8 do not.
        own["cache_bits"] = None if self.cache_taps is None else self.cache_bits
        values: dict[str, Any] = json.loads(json.dumps({**self.cell.to_json(), **own}))
        return values


OWN_DEFAULTS: dict[str, Any] = {
    "out": None,
    **{
        field.name: field.default
        for field in dataclasses.fields(TrainSettings)
        if field.name not in ("cell", "out", "max_memory")
    },
}
"""The settings beside the cell's, with their defaults."""


def read_config(path: Path) -> dict[str, Any]:
    """The settings of a YAML file: names as on the command line, one value each.

    Raises:
        UsageError: the file cannot be read, or a setting holds a list.
        UnknownNameError: a key that is no setting.
    """
    values = read_mapping(path, "the settings file", "map names such as `model` and `lr` to values")
    return {_key(key): _value(key, value) for key, value in values.items()}


_NOT_TRAINED = {"generate", "parallel", "num_gpus"}
"""Of a cell: what is predicted only, and what Trainer is told by those who launch it."""


def _key(key: object) -> str:
    name = str(key).replace("-", "_")
    name = "reduction" if name == "reduction_factor" else name
    known = {*DEFAULTS, *OWN_DEFAULTS} - _NOT_TRAINED
    if name not in known:
        raise UnknownNameError("setting", str(key).replace("_", "-"), [each.replace("_", "-") for each in known])
    return name


def _value(key: object, value: object) -> Any:
    if not isinstance(value, str | int | float | None):
        raise UsageError(f"{key} in the settings holds {value!r}: training takes one value, not a grid.")
    return value


def resolve_settings(*layers: Mapping[str, Any]) -> TrainSettings:
    """The settings of the defaults overridden by ``layers``, later ones first.

    Raises:
        UsageError: a value that is impossible, alone or with the others.
    """
    values = _merge(layers)
    own = {name: values.pop(name) for name in OWN_DEFAULTS}
    if not isinstance(own["out"], str | Path) or not str(own["out"]):
        raise UsageError("give --out, the folder for the trained adapter.")
    _check_own(own)
    _check_trainable(values)
    axes = {name: [value] for name, value in values.items()}
    axes["steps"] = [own["steps"] or 1]  # with epochs, the data decides
    (cell,) = resolve_cells(axes)
    _check_device(cell)
    _check_cache(own, cell)
    return TrainSettings(**{**own, "cell": cell, "out": Path(own["out"]).expanduser()})


def _merge(layers: tuple[Mapping[str, Any], ...]) -> dict[str, Any]:
    cell_defaults = {name: values[0] for name, values in DEFAULTS.items() if name != "steps"}
    merged: dict[str, Any] = {**cell_defaults, **OWN_DEFAULTS, "method": METHOD}
    for layer in layers:
        if layer.get("steps") is not None and layer.get("epochs") is not None:
            raise UsageError("give --steps or --epochs, not both.")
        merged.update(layer)
        for name, other in (("steps", "epochs"), ("epochs", "steps")):
            if layer.get(name) is not None:
                merged[other] = None
        if layer.get("eval_data") is not None and layer.get("eval_fraction") is not None:
            raise UsageError("give --eval-data or --eval-fraction, not both.")
    return merged


def _check_own(own: dict[str, Any]) -> None:
    _check_number(own, "epochs", optional=True, above=0)
    _check_number(own, "warmup_ratio", least=0, most=1)
    _check_number(own, "weight_decay", least=0)
    _check_number(own, "max_grad_norm", least=0)
    _check_number(own, "eval_fraction", least=0, most=0.9)
    for name, least in (("steps", 1), ("eval_every", 1), ("save_every", 1), ("keep", 0)):
        value = own[name]
        if value is None and name != "keep":
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise UsageError(f"{name} must be a whole number of at least {least}, not {value!r}.")
    if own["schedule"] not in SCHEDULES:
        raise UnknownNameError("schedule", own["schedule"], SCHEDULES)
    if own["eval_data"] is not None:
        own["eval_data"] = str(own["eval_data"])
        if not read_source(own["eval_data"]).examples:
            raise DataError(f"{own['eval_data']} holds no examples to evaluate on.")


def _check_number(
    own: dict[str, Any],
    name: str,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    most: float = math.inf,
    optional: bool = False,
) -> None:
    value = own[name]
    if value is None and optional:
        return
    try:
        # YAML reads 1e-3, without a point, as text.
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (least <= number <= most and number > above and math.isfinite(number)):
        limits = {"above": above, "at least": least, "at most": most}
        said = " and ".join(f"{words} {limit:g}" for words, limit in limits.items() if math.isfinite(limit))
        raise UsageError(f"{name} must be a number {said}, not {value!r}.")
    own[name] = number


def _check_trainable(values: Mapping[str, Any]) -> None:
    model = str(values["model"])
    if resolve_name(model).kind == "random":
        raise UsageError(
            f"{model} has random weights, which there is no use in fine-tuning: give smollm2-135m, a folder or a "
            "hub name. `ladderscope profile` measures random weights."
        )
    if values["data"] in WITHOUT_TEXT:
        raise UsageError("random tokens teach nothing: give --data a .jsonl or a text file, or a data set.")


def _check_cache(own: dict[str, Any], cell: Cell) -> None:
    if own["cache_bits"] not in (16, 8):
        raise UsageError(f"cache_bits must be 16 or 8, not {own['cache_bits']!r}.")
    if own["cache_taps"] is None:
        return
    own["cache_taps"] = str(own["cache_taps"])
    method = get_method(cell.method)
    if method.size != "reduction_factor" or method.config is None:
        raise UsageError(
            f"{cell.method} trains inside of the backbone, which then has to run in every step: --cache-taps is for "
            "side networks, such as --method ladder."
        )
    from ladderscope.methods.side.config import TRAINED_ON_TAPS

    downsample = method.config(cell).downsample
    if downsample in TRAINED_ON_TAPS:
        raise UsageError(
            f"{cell.method} with downsample={downsample} trains on whole taps, which are too wide to cache: "
            "--cache-taps works with --set downsample=frozen, avg-pool or max-pool."
        )


def _check_device(cell: Cell) -> None:
    import os

    import torch

    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError("ladderscope train runs in one process, on one GPU: start it without torchrun or accelerate.")

    if cell.optimizer in NEEDS_CUDA and not torch.cuda.is_available():
        raise UsageError(f"{cell.optimizer} pages between GPU and host: it needs a GPU; without one, use adamw-8bit.")
