"""Errors that end a check: said on GitHub too, and none that nobody thought of looks like a regression.

What is imported here must not fail, so it is little.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from ladderscope.cli.streams import standard_error, standard_output
from ladderscope.errors import CannotMeasureError, LadderscopeError, UsageError
from ladderscope.regression.outputs.github_line import error_annotation

UNEXPECTED = "the check itself failed ({}): nothing is known about the cells."
_REGRESSION = 1


@contextmanager
def told_of_errors(tell: Callable[[str], None], unexpected: str = UNEXPECTED) -> Iterator[None]:
    """Inside, an error is told, and ends the command with 2 or 3 but never with 1.

    Args:
        tell: is given the message.
        unexpected: the message where nobody thought of the error, which it has a ``{}`` for.

    Raises:
        CannotMeasureError: in place of an unexpected error, whose traceback is printed.
    """
    try:
        yield
    except (LadderscopeError, click.ClickException) as error:
        tell(str(error))
        if error.exit_code == _REGRESSION:
            raise CannotMeasureError(str(error)) from error
        raise
    except Exception as error:
        with standard_error():
            traceback.print_exc()
        message = unexpected.format(f"{type(error).__name__}: {error}")
        tell(message)
        raise CannotMeasureError(message) from error


def annotate_error(message: str, *, on_stderr: bool) -> None:
    """Tell GitHub, whose runner reads both streams."""
    if on_stderr:
        with standard_error():
            click.echo(error_annotation(message), err=True)
        return
    try:
        with standard_output():
            click.echo(error_annotation(message))
    except UsageError:
        return  # it is in the message of the command, on standard error, too
