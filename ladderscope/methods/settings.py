"""Settings of a method in cells and on the command line: fields of its PEFT config, ``"downsample=linear"``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ladderscope.errors import UnknownNameError, UsageError


def parse_settings(text: str) -> dict[str, Any]:
    """Field name -> value, read as YAML: ``"taps=[1,3] dropout=0.1"`` gives a list and a number.

    Raises:
        UsageError: a part that is no ``name=value``.
    """
    import yaml

    settings = {}
    for part in text.split():
        name, equals, value = part.partition("=")
        if not (name and equals and value):
            raise UsageError(f"cannot read the setting {part!r}: give name=value, without spaces, several in quotes.")
        try:
            settings[name] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UsageError(f"cannot read the value of the setting {part!r}.") from error
    return settings


def canonical_settings(settings: str | Mapping[str, Any] | None) -> str:
    """One text for one choice of settings: sorted by name, values as compact JSON or bare words.

    Raises:
        UsageError: the text cannot be read.
    """
    if settings is None:
        return ""
    parsed = parse_settings(settings) if isinstance(settings, str) else settings
    return " ".join(f"{name}={_compact(value)}" for name, value in sorted(parsed.items()))


def make_config(config_class: Any, fixed: Mapping[str, Any], text: str, reserved: Mapping[str, str]) -> Any:
    """A PEFT config with ``fixed`` fields and those of the settings ``text``.

    Args:
        config_class: dataclass of the config, or a function that makes one, with ``fields_of`` to look names up in.
        fixed: fields that the cell decides by itself.
        text: the settings.
        reserved: fields that cannot be set here, with the option that does.

    Raises:
        UsageError: a field that does not exist, that something else decides, or with an impossible value.
    """
    settings = parse_settings(text)
    known = {f.name for f in dataclasses.fields(config_class)} - set(_PEFT_FIELDS)
    for name in settings:
        if name in reserved:
            raise UsageError(f"{name} is not a setting: use {reserved[name]}.")
        if name not in known:
            raise UnknownNameError("setting", name, known - set(reserved))
    try:
        return config_class(**{**fixed, **settings})
    except (TypeError, ValueError) as error:
        raise UsageError(f"{error}.") from error


_PEFT_FIELDS = (
    "task_type",
    "peft_type",
    "auto_mapping",
    "peft_version",
    "base_model_name_or_path",
    "revision",
    "inference_mode",
    "ladderscope_version",
)


def _compact(value: Any) -> str:
    import json

    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"))
