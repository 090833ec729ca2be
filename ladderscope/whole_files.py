"""Files that are either whole or not there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ladderscope.errors import UsageError


def write_atomically(path: Path, text: str, option: str = "--out") -> None:
    """Write ``text`` to ``path``, creating its folders and replacing an old file in one step.

    Args:
        path: of the file.
        text: all of it.
        option: that says where, for the message.

    Raises:
        UsageError: the file cannot be written; nothing is left behind then.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise _cannot_write(path, error, option) from error
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise _cannot_write(path, error, option) from error
    finally:
        temporary.unlink(missing_ok=True)


def _cannot_write(path: Path, error: OSError, option: str) -> UsageError:
    return UsageError(f"cannot write {path}: {error.strerror}. Choose another {option}.")


def _umask() -> int:
    # mkstemp makes files that only their owner reads; a result should be as readable as any other file.
    mask = os.umask(0)
    os.umask(mask)
    return mask
