"""Where the result of ``ladderscope check`` goes: terminal, JSON, Markdown, JUnit, GitHub."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from ladderscope.cli.check_errors import annotate_error, told_of_errors
from ladderscope.cli.streams import standard_error, standard_output
from ladderscope.errors import LadderscopeError, UsageError
from ladderscope.regression.outputs.as_json import check_json
from ladderscope.regression.outputs.github import annotations_of, outputs_of
from ladderscope.regression.outputs.junit import junit_of
from ladderscope.regression.outputs.markdown import markdown_of
from ladderscope.regression.outputs.terminal import print_check, print_update
from ladderscope.regression.verdict import OK, CheckResult
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
        for path in filter(None, (self.markdown, self.junit)):
            if why := _why_not(path):
                raise UsageError(
                    f"cannot write {path}: {why}. Give the name of a file in a folder that can be written."
                )

    def write_check(self, result: CheckResult, console: Console) -> int:
        """Show a check everywhere, whatever goes wrong with one of the outputs.

        Args:
            result: the check.
            console: that of standard output.

        Returns:
            The exit code: that of the check, or where it was fine that of an output that could not be written.
        """
        writes: list[Callable[[], None]] = [lambda: self._print(result, console)]
        if self.github:  # before files: these may be on a disk that is full
            writes += [
                lambda: self._print_annotations(result),
                lambda: _append("GITHUB_STEP_SUMMARY", markdown_of(result)),
                lambda: _append("GITHUB_OUTPUT", _lines(outputs_of(result))),
            ]
        if (markdown := self.markdown) is not None:
            writes.append(lambda: write_atomically(markdown, markdown_of(result), option="--markdown"))
        if (junit := self.junit) is not None:
            writes.append(lambda: write_atomically(junit, junit_of(result), option="--junit"))
        codes = [self._code_of(write) for write in writes]
        return result.exit_code or max(codes)

    def write_update(self, result: CheckResult, console: Console, *, written: bool) -> int:
        """Show an update, and whether it changed the file; returns the exit code, as of a check."""
        code = self._code_of(lambda: self._print_update(result, console, written=written))
        return result.exit_code or code

    def _code_of(self, write: Callable[[], None]) -> int:
        """Write one output; where that fails it is told."""
        try:
            with told_of_errors(self._tell, "an output of the check could not be made ({})."):
                write()
        except LadderscopeError as error:
            with standard_error():
                click.echo(f"Error: {error}", err=True)
            return error.exit_code
        return OK

    def _tell(self, message: str) -> None:
        if self.github:
            annotate_error(message, on_stderr=self.as_json)

    def _print(self, result: CheckResult, console: Console) -> None:
        with standard_output():
            if self.as_json:
                click.echo(json.dumps(check_json(result), indent=2))
            else:
                print_check(result, console)

    def _print_update(self, result: CheckResult, console: Console, *, written: bool) -> None:
        with standard_output():
            if self.as_json:
                click.echo(json.dumps({**check_json(result), "written": written}, indent=2))
            else:
                print_update(result, console, written=written)

    def _print_annotations(self, result: CheckResult) -> None:
        with standard_error() if self.as_json else standard_output():
            for line in annotations_of(result):
                click.echo(line, err=self.as_json)  # the runner reads both streams


def _why_not(path: Path) -> str:
    """What is against writing a file; empty where nothing is known to be."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG
    except OSError as error:
        return str(error.strerror)
    if stat.S_ISDIR(mode):
        return "it is a folder"
    if not stat.S_ISREG(mode):
        return "" if os.access(path, os.W_OK) else "it cannot be written"
    above = next(parent for parent in Path(os.path.realpath(path)).parents if parent.exists())
    return "" if above.is_dir() and os.access(above, os.W_OK) else "its folder cannot be written"


def _append(variable: str, text: str) -> None:
    path = os.environ.get(variable)
    if not path:
        return
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text if text.endswith("\n") else text + "\n")
    except OSError as error:
        raise UsageError(f"cannot write {variable}: {error.strerror}.") from error


def _lines(values: Mapping[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in values.items())
