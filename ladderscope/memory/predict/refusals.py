"""What a prediction cannot follow, and says so."""

from __future__ import annotations

from typing import Any

from ladderscope.errors import UsageError


class UnpredictableError(UsageError, NotImplementedError):
    """Code runs something on the simulated device whose memory nobody here knows."""


def unknown_operation(func: Any, error: NotImplementedError) -> NotImplementedError:
    """The error for an operation that PyTorch cannot run without data; any other error as it is."""
    if isinstance(error, UnpredictableError) or not _is_about_meta(str(error)):
        return error
    return UnpredictableError(
        f"predict_memory cannot follow {func}: PyTorch does not know the shape of its result without computing it; "
        "leave this part out of the prediction, or compute it on the CPU."
    )


def refuse(name: str, instead: str) -> type:
    """A class that stands for ``name`` and refuses to be called; a class, since code names such types in its own."""

    def refused(*args: Any, **kwargs: Any) -> Any:
        raise UnpredictableError(f"predict_memory does not follow {name}: {instead}")

    return type("Refused", (), {"__new__": refused})


def _is_about_meta(message: str) -> bool:
    return "Meta" in message and ("fake impl" in message or "Could not run" in message)
