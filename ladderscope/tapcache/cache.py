"""A folder with the taps of one backbone on one set of rows."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from filelock import FileLock, Timeout
from torch import Tensor, nn

from ladderscope.errors import UsageError
from ladderscope.methods.side.calibration import find_side_layer, unwrapped
from ladderscope.methods.side.config import TRAINED_ON_TAPS, SideConfig
from ladderscope.methods.side.structure import text_config
from ladderscope.tapcache.fill import check_room, fill_rows
from ladderscope.tapcache.key import Key, differences, parameters_fingerprint, tap_key
from ladderscope.tapcache.layout import Layout, make_layout
from ladderscope.tapcache.start import load_start, save_start
from ladderscope.tapcache.store import COUNTER, TapStore, replace_text

KEY_FILE = "cache.json"
START_FILE = "start.safetensors"
LOCK_FILE = ".lock"
_FORMAT = "ladderscope-taps-1"

Say = Callable[[str], None]


class TapCache:
    """Taps in a folder; use it as a context manager.

    Args:
        folder: new, empty, or a cache with the same key.
        key: what the taps are valid for; JSON values.
        layout: of the files.
        refill: throw away what an existing cache holds.
    """

    def __init__(self, folder: str | Path, key: Mapping[str, Any], layout: Layout, *, refill: bool = False) -> None:
        self.folder = Path(folder)
        self.layout = layout
        self._key: Key = dict(key)
        self._refill = refill
        self._store = TapStore(self.folder, layout)

    @classmethod
    def open(
        cls, folder: str | Path, model: nn.Module, rows: Sequence[Tensor], *, bits: int = 16, refill: bool = False
    ) -> Self:
        """The cache of a model's side network on ``rows``.

        Args:
            folder: new, empty, or a cache of the same.
            model: a backbone with its weights and a side network with frozen or pooled taps, from ``get_peft_model``.
            rows: token ids (T,) each.
            bits: of a tap's channel, 16 or 8.
            refill: throw away what an existing cache holds.

        Raises:
            UsageError: the side network trains on whole taps.
            ValueError: other bits, or a model without a side network.
        """
        config, base = find_side_layer(model).network.config, unwrapped(model)
        refuse_whole_taps(config)
        layout = make_layout(config, text_config(base), [len(row) for row in rows], _dtype_of(base), bits)
        key = {"weights": parameters_fingerprint(base), **tap_key(config, layout, rows)}
        return cls(folder, key, layout, refill=refill)

    def __enter__(self) -> Self:
        """Make the folder, or find that it holds this cache.

        Raises:
            UsageError: it holds something else, the taps of something else, or cannot be written.
        """
        with self._locked():
            self._check_folder()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files; they are opened again when they are read."""
        self._store.close()

    @property
    def rows_done(self) -> int:
        """Rows that are whole on the disk."""
        return self._store.rows_done

    @property
    def is_complete(self) -> bool:
        """Whether the backbone is not needed any more."""
        return self.rows_done == len(self.layout.lengths)

    @property
    def has_start(self) -> bool:
        """Whether a fill has begun: what the taps are projected with is decided."""
        return (self.folder / START_FILE).exists()

    @property
    def block_output(self) -> int | None:
        """Length of the tuple that the backbone's blocks give; None where they give the hidden state alone."""
        length: int | None = self._read_key_file()["block_output"]
        return length

    def fill(
        self,
        model: nn.Module,
        rows: Sequence[Tensor],
        say: Say = lambda message: None,
        stop: threading.Event | None = None,
        *,
        batch_tokens: int | None = None,
    ) -> None:
        """Run the backbone over the rows that are missing, and give the side network its start.

        The first call keeps the projections that ``model`` has, and side blocks that were cut out of the backbone's;
        later ones give them to ``model``, whatever it was calibrated on.

        Args:
            model: with its backbone's weights, unless all rows are there.
            rows: as the cache was opened with.
            say: is told of the size, and of the progress.
            stop: once set, the call ends behind the running batch.
            batch_tokens: tokens in a batch, at least a row; None for a number that fits where training does.

        Raises:
            UsageError: there is no room on the disk, or another process fills this cache.
            LadderscopeError: a tap that cannot be stored.
            ValueError: the projections are not fitted.
        """
        network = find_side_layer(model).network
        with self._locked():
            if self.has_start:
                load_start(network, self.folder / START_FILE)
            if self.is_complete:
                return
            check_room(self.folder, self.layout, self.rows_done, say)
            if not self.has_start:
                save_start(network, self.folder / START_FILE)
            with self._store.writer() as writer:
                fill_rows(model, rows, self.layout, writer, self._note_block_output, say, stop, batch_tokens)

    def read(self, rows: Sequence[int], device: torch.device) -> dict[int, Tensor]:
        """What :meth:`Lockstep.give` takes: the taps (B, T, W) of ``rows``, and the last hidden state (B, T, H)."""
        if not self.is_complete:
            raise ValueError(f"{self.rows_done} of {len(self.layout.lengths)} rows are cached: call fill() first")
        taps, hidden = self._store.read(rows, device)
        return {**dict(zip(self.layout.taps, taps, strict=True)), self.layout.num_layers: hidden}

    @contextmanager
    def give(self, model: nn.Module, rows: Sequence[int]) -> Iterator[None]:
        """Inside the ``with`` block, ``model`` uses the taps of ``rows`` in place of its backbone's."""
        layer = find_side_layer(model)
        with layer.lockstep.give(self.read(rows, layer.network.output.upsample.weight.device)):
            yield

    # ---- the folder --------------------------------------------------------------------------------------------

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = FileLock(self.folder / LOCK_FILE)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout as error:
            raise UsageError(
                f"another run is filling {self.folder}: wait for it, or choose another folder for the taps."
            ) from error
        except OSError as error:
            raise UsageError(f"cannot write to {self.folder}: {error.strerror}. Choose another folder.") from error
        try:
            yield
        finally:
            lock.release()

    def _check_folder(self) -> None:
        known = self._read_key_file()
        if known and not self._refill:
            differing = differences(self._key, known["key"])
            if differing:
                raise UsageError(
                    f"the taps in {self.folder} are those of something else ({', '.join(differing)}): choose another "
                    "folder, or make them again with --refill (refill=True in Python)."
                )
            return
        self._refill = False
        for name in (COUNTER, *self.layout.fields, "scales.bin", START_FILE):
            (self.folder / name).unlink(missing_ok=True)
        self._write_key_file(None)

    def _read_key_file(self) -> dict[str, Any]:
        others = [path.name for path in self.folder.iterdir() if not path.name.startswith(".")]
        if not others:
            return {}
        try:
            values = json.loads((self.folder / KEY_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            values = None
        if not isinstance(values, dict) or values.get("format") != _FORMAT:
            raise UsageError(f"{self.folder} holds files that are no cache of taps: choose an empty or a new folder.")
        return values

    def _write_key_file(self, block_output: int | None) -> None:
        values = {"format": _FORMAT, "key": self._key, "block_output": block_output}
        replace_text(self.folder / KEY_FILE, json.dumps(values, indent=1) + "\n")

    def _note_block_output(self, length: int | None) -> None:
        if length != self.block_output:
            self._write_key_file(length)


def refuse_whole_taps(config: SideConfig) -> None:
    """Refuse a side network whose taps are as wide as the backbone.

    Raises:
        UsageError: it has a trained matrix on the whole tap.
    """
    if config.downsample in TRAINED_ON_TAPS:
        raise UsageError(
            f"downsample={config.downsample} trains on whole taps, which are too wide to cache: use "
            "downsample=frozen, avg-pool or max-pool."
        )


def _dtype_of(base: Any) -> torch.dtype:
    dtype: torch.dtype = base.dtype
    return dtype
