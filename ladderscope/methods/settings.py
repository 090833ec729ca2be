"""Settings of a method in cells and on the command line: fields of its PEFT config, ``"downsample=linear"``."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from ladderscope.errors import UnknownNameError, UsageError


def parse_settings(text: str) -> dict[str, Any]:
    """Field name -> value, read as YAML: ``"taps=[1,3] dropout=0.1"`` gives a list and a number.

    Raises:
        UsageError: a part that is no ``name=value``.
    """
    import yaml

    settings: dict[str, Any] = {}
    for part in text.split():
        name, equals, value = part.partition("=")
        if not (name and equals and value):
            raise UsageError(f"cannot read the setting {part!r}: give name=value, without spaces, several in quotes.")
        try:
            settings[name] = _value(value)
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
    known = {f.name for f in dataclasses.fields(config_class)} - set(PEFT_FIELDS)
    for name in settings:
        if name in reserved:
            raise UsageError(f"{name} is not a setting: use {reserved[name]}.")
        if name not in known:
            raise UnknownNameError("setting", name, known - set(reserved))
    try:
        return config_class(**{**fixed, **settings})
    except (TypeError, ValueError) as error:
        raise UsageError(f"{str(error).rstrip('.')}.") from error


PEFT_FIELDS = (
    "task_type",
    "peft_type",
    "auto_mapping",
    "peft_version",
    "base_model_name_or_path",
    "revision",
    "inference_mode",
    "ladderscope_version",
)


def _value(text: str) -> Any:
    """JSON where it is that, or YAML, which takes ``1e-05`` for text."""
    import yaml

    try:
        return json.loads(text)
    except ValueError:
        return yaml.safe_load(text)


def _compact(value: Any) -> str:
    """What :func:`_value` reads as ``value``, without a space: parts of settings are told apart by those."""
    if isinstance(value, str) and _is_bare_word(value):
        return value
    return json.dumps(value, separators=(",", ":")).replace(" ", "\\u0020")


def _is_bare_word(text: str) -> bool:
    import yaml

    if text.split() != [text]:
        return False
    try:
        return bool(_value(text) == text)
    except yaml.YAMLError:
        return False
