"""Fields of a mapping held against those of a dataclass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ladderscope.errors import UnknownNameError


def check_fields(cls: type[Any], values: Mapping[str, Any], kind: str) -> None:
    """Refuse keys that are no fields of ``cls``; ``kind`` says what they are, ``"cell setting"``.

    Raises:
        UnknownNameError: the first of them.
    """
    names = cls.__dataclass_fields__.keys()
    if not values.keys() <= names:
        raise UnknownNameError(kind, next(name for name in values if name not in names), names)
