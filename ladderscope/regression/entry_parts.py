"""What the parts of an entry in a file may be: people edit these files, and merge them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args, get_type_hints

from ladderscope.errors import UnknownNameError
from ladderscope.memory.places import fold
from ladderscope.records import BREAKDOWN_CATEGORIES, Cell
from ladderscope.regression.metrics import METRICS

_LARGEST = 2**63 - 1
"""More bytes or FLOPs than anything takes; figures of more digits would not even be shown."""


def check_part(part: str, value: Any) -> Any:
    """The value of a part as an entry keeps it.

    Raises:
        ValueError: it is impossible; the message says what is wrong with it.
        UnknownNameError: a metric that there is not.
    """
    return PARTS[part](value)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{value!r} is not an object")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a text")
    return value


def _text_or_none(value: Any) -> str | None:
    return None if value is None else _text(value)


def _one_of(*known: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value not in known:
            raise ValueError(f"{value!r} is none of {', '.join(known)}")
        return _text(value)

    return check


def _size(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} is {value!r}, which is no whole number")
    if not 0 <= value <= _LARGEST:
        raise ValueError(f"{name} is {'negative' if value < 0 else 'larger than anything'}")
    return value


def _sizes(value: Any) -> dict[str, int]:
    return {name: _size(name, size) for name, size in _object(value).items()}


def _by_metric(value: Any) -> dict[str, int]:
    for name in _object(value):
        _metric(name)
    return _sizes(value)


def _metric(name: str) -> str:
    # A slip would otherwise take the metric out of every check.
    if name not in METRICS:
        raise UnknownNameError("metric", name, METRICS)
    return name


def _repeats(value: Any) -> dict[str, list[int]]:
    repeats = {}
    for name, sizes in _object(value).items():
        if not isinstance(sizes, list):
            raise ValueError(f"{name} is {sizes!r}, which is no list")
        repeats[_metric(name)] = [_size(name, size) for size in sizes]
    return repeats


def _places(value: Any) -> dict[str, dict[str, int]]:
    """Folded as :func:`fold` does it, also where somebody has taken one out by hand."""
    for category in _object(value):
        _one_of(*BREAKDOWN_CATEGORIES)(category)
    return {category: fold(_sizes(places)) for category, places in value.items()}


def _settings(value: Any) -> dict[str, Any]:
    """Of the right kinds; whether they are possible shows where the cell is run."""
    kinds = get_type_hints(Cell)
    for name, setting in _object(value).items():
        if name in kinds and not _is_of_kind(setting, kinds[name]):
            raise ValueError(f"{name} is {setting!r}, which it cannot be")
    return dict(value)


def _asked(value: Any) -> dict[str, str]:
    asked = _texts(value)
    if asked and asked.keys() != {"method", "settings"}:
        raise ValueError("it needs a method and settings, and nothing else")
    return asked


def _is_of_kind(value: Any, kind: Any) -> bool:
    kinds = get_args(kind) or (kind,)
    if isinstance(value, bool):
        return bool in kinds
    return isinstance(value, (*kinds, int) if float in kinds else kinds)


def _texts(value: Any) -> dict[str, str]:
    return {name: _text(version) for name, version in _object(value).items()}


PARTS: dict[str, Callable[[Any], Any]] = {
    "meter": _one_of("predict", "cpu", "cuda"),
    "gpu": _text_or_none,
    "status": _one_of("ok", "oom"),
    "settings": _settings,
    "asked": _asked,
    "metrics": _by_metric,
    "breakdown": _by_metric,
    "flops": _sizes,
    "peak_at": _text,
    "at_peak": _places,
    "saved_for_backward": _places,
    "versions": _texts,
    "repeats": _repeats,
}
"""All that an entry in a file can have, and what checks it."""
