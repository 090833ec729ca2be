"""What a cache of taps holds and where: shapes, dtypes, bytes.

K taps of W channels and a last hidden state of H channels for each token; row r has T_r tokens. Each file holds the
rows one after the other: ``taps.bin`` (K, T_r, W), ``scales.bin`` (K, T_r), ``hidden.bin`` (T_r, H).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ladderscope.methods.side.blocks import side_config_of
from ladderscope.methods.side.config import SideConfig
from ladderscope.methods.side.network import EMBEDDINGS
from ladderscope.methods.side.taps import group_by_tap

BITS = (16, 8)
TAPS, SCALES, HIDDEN = "taps.bin", "scales.bin", "hidden.bin"


@dataclass(frozen=True)
class Layout:
    """The layout of one cache.

    Args:
        lengths: tokens of every row.
        taps: indices of the tapped backbone blocks, with that of the embeddings; in the order of the files.
        num_layers: of the backbone; what stands for the last hidden state.
        width: W.
        hidden_size: H.
        bits: of a tap's channel: 16, or 8 with an fp32 scale for each token.
        dtype: of the backbone's hidden states.
    """

    lengths: tuple[int, ...]
    taps: tuple[int, ...]
    num_layers: int
    width: int
    hidden_size: int
    bits: int
    dtype: torch.dtype

    @property
    def tap_dtype(self) -> torch.dtype:
        """As taps are stored: int8, or 16 bits, which lose nothing of a 16-bit backbone's."""
        if self.bits == 8:
            return torch.int8
        return torch.float16 if self.dtype == torch.float32 else self.dtype

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Tokens before every row, and before the end."""
        return np.concatenate([[0], np.cumsum(self.lengths, dtype=np.int64)]).astype(np.int64)

    @property
    def num_tokens(self) -> int:
        """Of all rows."""
        return int(self.starts[-1])

    @property
    def fields(self) -> dict[str, tuple[torch.dtype, int]]:
        """File name -> dtype and number of elements for each token."""
        taps = len(self.taps)
        fields = {TAPS: (self.tap_dtype, taps * self.width), HIDDEN: (self.dtype, self.hidden_size)}
        return {**fields, SCALES: (torch.float32, taps)} if self.bits == 8 else fields

    def bytes_of(self, name: str, rows: int | None = None) -> int:
        """Bytes of a file when the first ``rows`` rows are in it; None for all."""
        dtype, elements = self.fields[name]
        return int(self.starts[-1 if rows is None else rows]) * elements * dtype.itemsize

    def total_bytes(self, rows: int | None = None) -> int:
        """Bytes of all files when the first ``rows`` rows are in them; None for all."""
        return sum(self.bytes_of(name, rows) for name in self.fields)


def make_layout(config: SideConfig, text_config: Any, lengths: Sequence[int], dtype: torch.dtype, bits: int) -> Layout:
    """The layout of what the side network of ``config`` needs of a backbone.

    Args:
        config: with its width decided.
        text_config: of the backbone's language model.
        lengths: tokens of every row.
        dtype: of the backbone's hidden states.
        bits: 16 or 8.

    Raises:
        ValueError: other bits, or a width or taps that do not fit the backbone.
    """
    if bits not in BITS:
        raise ValueError(f"taps are kept in {' or '.join(map(str, BITS))} bits, not {bits!r}")
    num_layers = text_config.num_hidden_layers
    start = [] if config.embedding_tap == "none" else [EMBEDDINGS]
    return Layout(
        lengths=tuple(lengths),
        taps=(*start, *group_by_tap(config.tap_map(num_layers))),
        num_layers=num_layers,
        width=side_config_of(config, text_config).hidden_size,
        hidden_size=text_config.hidden_size,
        bits=bits,
        dtype=dtype,
    )
