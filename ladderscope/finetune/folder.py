"""The folder of a run: ``training.json``, checkpoints, and in the end the trained model.

``training.json`` is written when a run begins and again when it is done, each time in one step, so that a folder
tells at any moment whose it is and how far it got.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ladderscope.errors import UsageError

TRAINING_FILE = "training.json"
STATE_FILE = "trainer_state.json"
"""Trainer writes it last: a checkpoint that has it is whole."""

_FORMAT = "ladderscope-training-1"
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")
_ADAPTER_FILES = ("adapter_config.json", "adapter_model*")
_FULL_MODEL_FILES = ("config.json", "generation_config.json", "model*.safetensors*")
_MODEL_FILES = _ADAPTER_FILES + _FULL_MODEL_FILES
_TOKENIZER_FILES = ("tokenizer*", "special_tokens_map.json", "added_tokens.json", "chat_template*", "vocab.*")
_TEMPORARY = f".{TRAINING_FILE}.tmp"
# In the order of their deletion: as long as training.json is there, the folder is known to be ours.
_RUN_FILES = ("README.md", "checkpoint-*", _TEMPORARY, TRAINING_FILE)


class RunFolder:
    """The folder at ``path``, which need not exist yet."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder and keep other runs out of it.

        Raises:
            UsageError: it cannot be written, or another run holds it.
        """
        path = self.path.absolute()
        lock = FileLock(path.with_name(f".{path.name}.lock"))
        try:
            path.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout as error:
            raise UsageError(
                f"another run is training in {self.path}: wait for it, or choose another --out."
            ) from error
        except FileExistsError as error:
            raise UsageError(f"{self.path} is a file: choose a folder for --out.") from error
        except OSError as error:
            raise UsageError(f"cannot write to {self.path}: {error.strerror}. Choose another --out.") from error
        try:
            yield
        finally:
            lock.release()

    def read(self) -> dict[str, Any] | None:
        """What ``training.json`` holds; None where no run has begun here.

        Raises:
            UsageError: the folder holds something else.
        """
        path = self.path / TRAINING_FILE
        if not path.exists() and all(other.name == _TEMPORARY for other in self.path.iterdir()):
            return None
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            values = None
        if not isinstance(values, dict) or values.get("format") != _FORMAT:
            raise UsageError(
                f"{self.path} holds files that `ladderscope train` did not write: choose another --out, an empty or "
                "a new folder."
            )
        return values

    def write(self, values: Mapping[str, Any]) -> None:
        """Replace ``training.json`` in one step."""
        temporary = self.path / _TEMPORARY
        with temporary.open("w", encoding="utf-8") as file:
            file.write(json.dumps({"format": _FORMAT, **values}, indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())  # before it takes the old one's place
        os.replace(temporary, self.path / TRAINING_FILE)

    def clear(self) -> None:
        """Delete what a run writes, and nothing else."""
        for pattern in (*_MODEL_FILES, *_TOKENIZER_FILES, "merges.txt", *_RUN_FILES):
            for path in self.path.glob(pattern):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def checkpoints(self) -> dict[int, Path]:
        """Step -> whole checkpoint, by rising step."""
        found = {step: path for step, path in self._checkpoint_folders() if _is_whole(path)}
        return dict(sorted(found.items()))

    def drop_torn_checkpoints(self) -> None:
        """Delete what a run that was killed has left of the checkpoint it was writing."""
        for _, path in self._checkpoint_folders():
            if not _is_whole(path):
                shutil.rmtree(path)

    def drop_checkpoints(self) -> None:
        """Delete all checkpoints."""
        for _, path in self._checkpoint_folders():
            shutil.rmtree(path)

    def take_model(self, checkpoint: Path) -> None:
        """Copy the model of a checkpoint to the top of the folder."""
        for pattern in _MODEL_FILES:
            for path in checkpoint.glob(pattern):
                shutil.copyfile(path, self.path / path.name)

    def _checkpoint_folders(self) -> list[tuple[int, Path]]:
        matches = [(_CHECKPOINT.fullmatch(path.name), path) for path in self.path.iterdir()]
        return [(int(match[1]), path) for match, path in matches if match]


def read_state(checkpoint: Path) -> dict[str, Any]:
    """Trainer's state in a checkpoint."""
    values: dict[str, Any] = json.loads((checkpoint / STATE_FILE).read_text(encoding="utf-8"))
    return values


def _is_whole(checkpoint: Path) -> bool:
    try:
        return "global_step" in read_state(checkpoint)
    except (OSError, ValueError):
        return False
