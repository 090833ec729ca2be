"""The files of a cache: appended to while it is filled, mapped into memory when it is read.

A row counts once its bytes are on the disk. What a killed process left behind the counted rows is cut off.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ladderscope.tapcache.encoding import decode, encode
from ladderscope.tapcache.layout import HIDDEN, SCALES, TAPS, Layout

COUNTER = "rows"
# numpy has no bfloat16: files are mapped as integers of the same size.
_INTEGERS = {1: np.int8, 2: np.int16, 4: np.int32}


class TapStore:
    """The files in ``folder``."""

    def __init__(self, folder: Path, layout: Layout) -> None:
        self.folder = folder
        self.layout = layout
        self._maps: dict[str, NDArray[np.signedinteger]] = {}

    @property
    def rows_done(self) -> int:
        """Rows that are whole on the disk."""
        try:
            counted = int((self.folder / COUNTER).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return 0
        sizes = {name: _size(self.folder / name) for name in self.layout.fields}
        whole = all(size >= self.layout.bytes_of(name, counted) for name, size in sizes.items())
        return counted if whole else 0

    @contextmanager
    def writer(self) -> Iterator[TapWriter]:
        """Goes on behind the rows that are done."""
        done = self.rows_done
        with ExitStack() as stack:
            files = {}
            for name in self.layout.fields:
                (self.folder / name).touch()
                files[name] = stack.enter_context((self.folder / name).open("r+b"))
                files[name].truncate(self.layout.bytes_of(name, done))
                files[name].seek(0, os.SEEK_END)
            yield TapWriter(self, files, done)

    def read(self, rows: Sequence[int], device: torch.device) -> tuple[Tensor, Tensor]:
        """Taps (K, B, T, W) and last hidden states (B, T, H) of ``rows``, which have the same length."""
        layout = self.layout
        tokens = layout.lengths[rows[0]]
        taps = self._read(TAPS, rows, (len(layout.taps), tokens, layout.width), device)
        scales = self._read(SCALES, rows, (len(layout.taps), tokens), device) if layout.bits == 8 else None
        hidden = self._read(HIDDEN, rows, (tokens, layout.hidden_size), device)
        return decode(taps, scales).transpose(0, 1), hidden

    def close(self) -> None:
        """Let go of the files."""
        self._maps.clear()

    def _read(self, name: str, rows: Sequence[int], shape: tuple[int, ...], device: torch.device) -> Tensor:
        dtype, elements = self.layout.fields[name]
        if name not in self._maps:
            self._maps[name] = np.memmap(self.folder / name, dtype=_INTEGERS[dtype.itemsize], mode="r")
        starts, mapped = self.layout.starts, self._maps[name]
        parts = [mapped[starts[row] * elements : starts[row + 1] * elements].reshape(shape) for row in rows]
        # Stacking copies; a row that is mapped is not written to.
        return torch.from_numpy(np.stack(parts)).view(dtype).to(device)


class TapWriter:
    """Appends rows; made by :meth:`TapStore.writer`."""

    def __init__(self, store: TapStore, files: Mapping[str, IO[bytes]], done: int) -> None:
        self._store = store
        self._files = files
        self.done = done

    def append(self, taps: Tensor, hidden: Tensor) -> None:
        """Write the next B rows, and count them once they are on the disk.

        Args:
            taps: (B, K, T, W).
            hidden: (B, T, H).

        Raises:
            LadderscopeError: a tap that cannot be stored.
        """
        stored, scales = encode(taps, self._store.layout.tap_dtype)
        for name, values in ((TAPS, stored), (SCALES, scales), (HIDDEN, hidden)):
            if values is not None:
                file = self._files[name]
                file.write(values.contiguous().cpu().view(torch.uint8).numpy().data)
                file.flush()
                os.fsync(file.fileno())
        self.done += len(taps)
        replace_text(self._store.folder / COUNTER, str(self.done))


def replace_text(path: Path, text: str) -> None:
    """Write a small file in one step, so that it is the old or the new one at any moment."""
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
