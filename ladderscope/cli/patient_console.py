"""A console that does not end the command where nobody reads what it prints."""

from __future__ import annotations

from rich.console import Console

from ladderscope.cli.streams import discard


class PatientConsole(Console):
    """As rich's own, which would end the command with 1: to a check that is a regression."""

    def on_broken_pipe(self) -> None:
        """Go on in silence."""
        self.quiet = True
        discard(self.file)
