"""Any tuner of PEFT as a method: ``peft:vera`` by name, or ``peft:PATH`` from an ``adapter_config.json``.

A file is read once, where its name is looked up, and becomes settings: the method is then ``peft:<tuner>``, the cell
carries every field of the file that differs from PEFT's default. So a record says all that was run, its id depends on
what the file holds and not on where it lies, and the cell can be run again without the file.
"""

from __future__ import annotations

import dataclasses
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.methods._peft import attach
from ladderscope.methods.base import Method
from ladderscope.methods.settings import PEFT_FIELDS, canonical_settings, make_config, parse_settings
from ladderscope.records import Cell

PREFIX = "peft:"
CONFIG_NAME = "adapter_config.json"
QUANTIZATIONS = ("none", "nf4-dq", "nf4", "int8")
"""Whether a tuner works on a quantised backbone is PEFT's to say, when it is attached."""
_TASK = "CAUSAL_LM"
_MULTITASK = ("poly", "multitask_prompt_tuning")
"""Tuners whose model wants to know which task each row belongs to."""
_SIDE_NETWORKS = ("lst", "qst", "ladder", "xladder")


def peft_method(name: str) -> Method:
    """The method of a tuner, ``peft:vera``, or of a saved config, ``peft:<folder or JSON file>``.

    Raises:
        UsageError: the file cannot be read, or PEFT cannot make a config of it.
        UnknownNameError: neither a tuner nor a file.
    """
    target = name.removeprefix(PREFIX)
    tuners = tuner_configs()
    if target.lower() in tuners:
        return _method(target.lower(), tuners[target.lower()], {})
    path = _config_path(target, tuners)
    fields = _read(path)
    tuner = _tuner_of(fields, path, tuners)
    return _method(tuner, tuners[tuner], _chosen_fields(fields, tuners[tuner], path))


def tuner_configs() -> dict[str, Any]:
    """Config class by tuner, ``"vera"``: all of the installed PEFT; the side networks are methods of their own."""
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING
    from peft.utils import PeftType

    known = PEFT_TYPE_TO_CONFIG_MAPPING.items()
    return {kind.value.lower(): config for kind, config in known if isinstance(kind, PeftType)}


def _method(tuner: str, config_class: Any, fields: Mapping[str, Any]) -> Method:
    def make(cell: Cell) -> Any:
        settings = canonical_settings({**fields, **parse_settings(cell.settings)})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # advice for users of PEFT's Python interface
            try:
                return make_config(config_class, {"task_type": _TASK}, settings, {})
            except UnknownNameError:
                raise
            except Exception as error:
                raise UsageError(f"PEFT refuses the config of {PREFIX}{tuner}: {_sentence(error)}") from error

    def build(model: nn.Module, cell: Cell) -> nn.Module:
        return _attach(tuner, model, make(cell), cell)

    return Method(
        name=PREFIX + tuner,
        summary=f"PEFT's {tuner}",
        size=None,
        quantizations=QUANTIZATIONS,
        default_lr=1e-3,
        build=build,
        config=make,
        settings=canonical_settings(fields),
    )


def _attach(tuner: str, model: Any, config: Any, cell: Cell) -> nn.Module:
    if tuner == "xlora":
        if not config.adapters:
            raise UsageError('xlora mixes LoRA adapters: give their folders, as in --set \'adapters={"a":"folder"}\'.')
        model.config.use_cache = False  # PEFT asks for it; training has no cache anyway
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tuned = attach(model, config, cell.adapter_dtype)
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:
        backbone = cell.model if cell.quantization == "none" else f"{cell.model} quantised to {cell.quantization}"
        raise UsageError(f"PEFT cannot put {tuner} on {backbone}: {_sentence(error)}") from error
    if tuner in _MULTITASK:
        tuned.register_forward_pre_hook(_as_task_0, with_kwargs=True)
    return tuned


def _as_task_0(model: nn.Module, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """All rows belong to one task: the first."""
    rows = kwargs["input_ids"]
    return args, {"task_ids": torch.zeros(len(rows), dtype=torch.long, device=rows.device), **kwargs}


# ---- files ---------------------------------------------------------------------------------------------------------


def _config_path(target: str, tuners: Mapping[str, Any]) -> Path:
    path = Path(target).expanduser()
    if path.is_dir():
        path /= CONFIG_NAME
        if not path.is_file():
            raise UsageError(
                f"the folder {target} holds no {CONFIG_NAME}: give a folder that PEFT saved an adapter to."
            )
    if path.is_file():
        return path
    if path.suffix or len(path.parts) != 1:
        raise UsageError(f"there is no {target}: give {PREFIX} and a folder with an {CONFIG_NAME}, or that file.")
    raise UnknownNameError("PEFT method", target, tuners)


def _read(path: Path) -> dict[str, Any]:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}.") from error
    except ValueError as error:
        raise UsageError(f"{path} is not JSON: {_sentence(error)}") from error
    if not isinstance(fields, dict):
        raise UsageError(f"{path} must hold a JSON object, as PEFT saves it.")
    return fields


def _tuner_of(fields: Mapping[str, Any], path: Path, tuners: Mapping[str, Any]) -> str:
    kind = str(fields.get("peft_type", "")).lower()
    if not kind:
        raise UsageError(f'{path} has no peft_type: name the tuner, as in "peft_type": "VERA".')
    if kind not in tuners and kind in _SIDE_NETWORKS:
        raise UsageError(
            f"{path} is for a side network of ladderscope: use --method {kind}, with its fields as --set."
        )
    if kind not in tuners:
        raise UnknownNameError(f"peft_type in {path}", kind.upper(), [name.upper() for name in tuners])
    if fields.get("task_type") not in (None, _TASK):
        raise UsageError(f'{path} is for {fields["task_type"]}: set its task_type to "{_TASK}", or leave it out.')
    return kind


def _chosen_fields(fields: Mapping[str, Any], config_class: Any, path: Path) -> dict[str, Any]:
    """The fields that differ from PEFT's defaults; those of no tuner's concern are left out."""
    defaults = {f.name: _default(f) for f in dataclasses.fields(config_class) if f.init}
    chosen = {}
    for name, value in fields.items():
        if name in PEFT_FIELDS or (name in defaults and value == defaults[name]):
            continue
        if name not in defaults:
            if value:  # an unset field of another version changes nothing
                raise UsageError(f"{path} sets {name}, which the installed PEFT does not know for it: take it out.")
            continue
        chosen[name] = value
    return chosen


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _sentence(error: Exception) -> str:
    line = (str(error).strip().splitlines() or [type(error).__name__])[0].strip()
    return line if line.endswith((".", "!", "?")) else f"{line}."
