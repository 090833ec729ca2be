"""Where the result of ``ladderscope check`` goes: terminal, JSON, Markdown, JUnit, GitHub."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from ladderscope.errors import CannotMeasureError, LadderscopeError, UsageError
from ladderscope.regression.outputs.as_json import check_json
from ladderscope.regression.outputs.github import annotations_of, error_annotation, outputs_of
from ladderscope.regression.outputs.junit import junit_of
from ladderscope.regression.outputs.markdown import markdown_of
from ladderscope.regression.outputs.terminal import print_check, print_update
from ladderscope.regression.verdict import CheckResult
from ladderscope.whole_files import write_atomically


@dataclass(frozen=True)
class Outputs:
    """The outputs that were asked for.

    Args:
        as_json: JSON on stdout in place of the table.
        markdown: a file for the result as Markdown.
        junit: a file for the result as JUnit XML.
        github: annotations, and the files that GitHub's runner names in the environment.
    """

    as_json: bool
    markdown: Path | None
    junit: Path | None
    github: bool

    def refuse_files(self) -> None:
        """Refuse files where there is no check to write of: what an update changes is in the baseline.

        Raises:
            UsageError: one was asked for.
        """
        if self.markdown is not None or self.junit is not None:
            raise UsageError("--markdown and --junit are of a check: leave them out with --update.")

    def refuse_unwritable(self) -> None:
        """Find out before anything runs.

        Raises:
            UsageError: a file that cannot be written.
        """
        for path in (self.markdown, self.junit):
            if path is None:
                continue
            above = [parent for parent in path.absolute().parents if parent.exists()]
            if path.is_dir() or not above[0].is_dir() or not os.access(above[0], os.W_OK):
                raise UsageError(f"cannot write {path}: give the name of a file in a folder that can be written.")

    @contextmanager
    def told_of_errors(self) -> Iterator[None]:
        """Errors that end a check go to GitHub too, and one that nobody thought of never looks like a regression.

        Raises:
            CannotMeasureError: in place of an unexpected error, whose traceback is printed.
        """
        try:
            yield
        except (LadderscopeError, click.ClickException) as error:
            self._annotate(str(error))
            raise
        except Exception as error:
            traceback.print_exc()
            message = f"the check itself failed ({type(error).__name__}: {error}): nothing is known about the cells."
            self._annotate(message)
            raise CannotMeasureError(message) from error

    def _annotate(self, message: str) -> None:
        if self.github:
            click.echo(error_annotation(message), err=self.as_json)

    def write_check(self, result: CheckResult, console: Console) -> None:
        """Show a check; ``console`` is that of standard output."""
        if self.as_json:
            click.echo(json.dumps(check_json(result), indent=2))
        else:
            print_check(result, console)
        self._write_files(result)

    def write_update(self, result: CheckResult, console: Console, *, written: bool) -> None:
        """Show an update, and whether it changed the file."""
        if self.as_json:
            click.echo(json.dumps({**check_json(result), "written": written}, indent=2))
        else:
            print_update(result, console, written=written)

    def _write_files(self, result: CheckResult) -> None:
        if self.markdown is not None:
            write_atomically(self.markdown, markdown_of(result))
        if self.junit is not None:
            write_atomically(self.junit, junit_of(result))
        if self.github:
            self._tell_github(result)

    def _tell_github(self, result: CheckResult) -> None:
        for line in annotations_of(result):
            click.echo(line, err=self.as_json)  # the runner reads both streams
        _append("GITHUB_STEP_SUMMARY", markdown_of(result))
        _append("GITHUB_OUTPUT", _lines(outputs_of(result)))


def _append(variable: str, text: str) -> None:
    path = os.environ.get(variable)
    if not path:
        return
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text if text.endswith("\n") else text + "\n")
    except OSError as error:
        click.echo(f"Could not write {variable}: {error.strerror}", err=True)


def _lines(values: Mapping[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in values.items())
