"""A line of the log that GitHub Actions takes for a command; it needs nothing that could fail to be imported."""

from __future__ import annotations


def line_of(kind: str, message: str, **properties: str) -> str:
    """``::error file=f,title=t::message``, with what GitHub would take for a part of it escaped."""
    texts = ",".join(f"{name}={_property(text)}" for name, text in properties.items())
    return f"::{kind} {texts}::{_data(message)}"


def error_annotation(message: str) -> str:
    """The line for a check that has no result."""
    return line_of("error", message, title="Memory check")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
