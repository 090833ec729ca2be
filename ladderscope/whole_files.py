"""Files that are either whole or not there."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from ladderscope.errors import UsageError

_LONGEST_PREFIX = 40
"""Characters of a name that its temporary file shares: more could make it too long for a file system."""


def write_atomically(path: Path, text: str, option: str = "--out") -> None:
    """Write ``text`` to ``path`` in UTF-8; see :func:`write_bytes_atomically`."""
    write_bytes_atomically(path, text.encode(), option)


def write_bytes_atomically(path: Path, content: bytes, option: str = "--out") -> None:
    """Write ``content`` to ``path``, creating its folders and replacing an old file in one step.

    The bytes are the same on every system, and on the disk before they take the place of others. A link stays one:
    the file that it names is written. What is no file, such as ``/dev/null``, is written as it is.

    Args:
        path: of the file.
        content: all of it.
        option: that says where, for the message.

    Raises:
        UsageError: the file cannot be written; nothing is left behind then.
    """
    target = Path(os.path.realpath(path))
    try:
        if _is_special(path):
            path.write_bytes(content)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name[:_LONGEST_PREFIX]}.", dir=target.parent)
    except OSError as error:
        raise _cannot_write(path, error, option) from error
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # a power cut could leave the new name with nothing behind it
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    except OSError as error:
        raise _cannot_write(path, error, option) from error
    finally:
        temporary.unlink(missing_ok=True)


def _is_special(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _cannot_write(path: Path, error: OSError, option: str) -> UsageError:
    return UsageError(f"cannot write {path}: {error.strerror}. Choose another {option}.")


def _umask() -> int:
    # mkstemp makes files that only their owner reads; a result should be as readable as any other file.
    mask = os.umask(0)
    os.umask(mask)
    return mask
