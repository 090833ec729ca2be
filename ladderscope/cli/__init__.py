"""The command line: one file per command, wired by the list below."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Sequence

import click

from ladderscope import __version__
from ladderscope.cli.streams import standard_error
from ladderscope.errors import INTERRUPTED, LadderscopeError

COMMANDS = {
    "profile": "ladderscope.cli.profile",
    "train": "ladderscope.cli.train",
    "fit-scaling": "ladderscope.cli.fit_scaling",
    "report": "ladderscope.cli.report",
    "ledger": "ladderscope.cli.ledger",
    "plan": "ladderscope.cli.plan",
    "explain": "ladderscope.cli.explain",
    "replay": "ladderscope.cli.replay",
    "check": "ladderscope.cli.check",
    "study": "ladderscope.cli.study",
}
"""Command name -> module that holds it as ``command``. Imported when asked for: torch takes seconds to load."""


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(COMMANDS[cmd_name]).command
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ladderscope")
def cli() -> None:
    """Know what fine-tuning a language model costs, and what it buys.

    \b
    Examples:
      ladderscope profile --model smollm2-135m --method qlora --method ladder --out runs.jsonl
      ladderscope train --method ladder --data train.jsonl --out adapter/
      ladderscope fit-scaling runs.jsonl --x compute --y loss --out fit.json
      ladderscope report runs.jsonl --out report/
      ladderscope ledger stats runs.jsonl
      ladderscope plan --model llama-2-7b --gpu rtx-3060-12gb
      ladderscope explain --model random:llama-2-7b --method qlora --method ladder --seq-len 2048 --diff
      ladderscope replay snapshot.pickle
      ladderscope check --baseline ladderscope-baseline.json
      ladderscope study list
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 ok, 1 something failed or regressed, 2 wrong use, 3 nothing to compare with, 130 interrupted.
    """
    # It asks for an optional package, on every start, as if something were broken.
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
    try:
        result = cli.main(args=arguments, prog_name="ladderscope", standalone_mode=False)
    except click.ClickException as error:
        with standard_error():
            error.show()
        return error.exit_code
    except LadderscopeError as error:
        with standard_error():
            click.echo(f"Error: {error}", err=True)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        with standard_error():
            click.echo("Interrupted.", err=True)
        return INTERRUPTED
    return result if isinstance(result, int) else 0


def main() -> None:
    """Entry point of the console script."""
    sys.exit(run())
