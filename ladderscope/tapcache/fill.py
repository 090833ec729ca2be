"""Runs the backbone over rows and keeps what the side network needs of it."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ladderscope.errors import UsageError
from ladderscope.methods.side.calibration import find_side_layer, unwrapped
from ladderscope.methods.side.structure import execution_device, find_decoder
from ladderscope.tapcache.layout import HIDDEN, Layout
from ladderscope.tapcache.store import TapWriter
from ladderscope.units import GIB, format_bytes

BATCH_TOKENS = 4096
"""Tokens of a batch: little beside what a training step takes, for want of a backward pass."""
OFFLOADED_BATCH_TOKENS = 16384
"""Where every batch reads weights from host or disk again."""
_REPORTS = 10

Say = Callable[[str], None]


def check_room(folder: Path, layout: Layout, rows_done: int, say: Say) -> None:
    """Say how large the files will be.

    Raises:
        UsageError: what is missing of them does not fit on the disk.
    """
    total, hidden = layout.total_bytes(), layout.bytes_of(HIDDEN)
    needed, free = total - layout.total_bytes(rows_done), shutil.disk_usage(folder).free
    if needed > free:
        raise UsageError(
            f"the taps need {needed / GIB:.2f} GiB more in {folder}, where {free / GIB:.2f} GiB are free: choose a "
            "folder with more room, or fewer rows, a larger --reduction or --cache-bits 8."
        )
    going_on = f"; {rows_done} rows are there already" if rows_done else ""
    say(
        f"Caching {len(layout.lengths)} rows in {folder}: {format_bytes(total)} ({total} bytes; taps "
        f"{format_bytes(total - hidden)}, last hidden states {format_bytes(hidden)}){going_on}."
    )


def fill_rows(
    model: nn.Module,
    rows: Sequence[Tensor],
    layout: Layout,
    writer: TapWriter,
    note_block_output: Callable[[int | None], None],
    say: Say,
    stop: threading.Event | None,
    batch_tokens: int | None,
) -> None:
    """Append all rows behind those that are done.

    Args:
        model: a backbone with a side network.
        rows: token ids (T,) each, from the first one on.
        layout: of the cache.
        writer: takes the taps.
        note_block_output: is told what a block gives: the length of its tuple, None for the hidden state alone.
        say: is told of the progress, with the time left.
        stop: once set, the call ends behind the running batch.
        batch_tokens: tokens in a batch; None decides by where the weights are.
    """
    if batch_tokens is None:
        batch_tokens = OFFLOADED_BATCH_TOKENS if is_offloaded(model) else BATCH_TOKENS
    first, begun, reported = writer.done, time.monotonic(), 0
    for batch in _batches(layout.lengths, first, batch_tokens):
        if stop is not None and stop.is_set():
            return
        taps, hidden, length = _run(model, torch.stack([rows[index] for index in batch]), layout)
        note_block_output(length)
        writer.append(taps, hidden)
        tenth = writer.done * _REPORTS // len(rows)
        if tenth > reported:
            reported = tenth
            seconds = (time.monotonic() - begun) / (writer.done - first) * (len(rows) - writer.done)
            say(f"cached {writer.done}/{len(rows)} rows, {_duration(seconds)} left")


def is_offloaded(model: nn.Module) -> bool:
    """Whether weights are outside of the device that computes with them."""
    return bool({"cpu", "disk"} & set(getattr(model, "hf_device_map", {}).values())) and any(
        parameter.is_meta for parameter in model.parameters()
    )


def _batches(lengths: Sequence[int], first: int, batch_tokens: int) -> Iterator[range]:
    """Runs of consecutive rows of the same length."""
    while first < len(lengths):
        end = first + 1
        while (
            end < len(lengths) and lengths[end] == lengths[first] and (end + 1 - first) * lengths[end] <= batch_tokens
        ):
            end += 1
        yield range(first, end)
        first = end


@torch.no_grad()
def _run(model: nn.Module, ids: Tensor, layout: Layout) -> tuple[Tensor, Tensor, int | None]:
    """Taps (B, K, T, W) and last hidden states (B, T, H) of ``ids`` (B, T), and what a block gives."""
    layer, base = find_side_layer(model), unwrapped(model)
    network, parts = layer.network, find_decoder(base)
    seen: dict[int, Tensor] = {}
    lengths: list[int | None] = []

    def observe(index: int, hidden: Tensor) -> None:
        if index == layout.num_layers:
            seen[index] = hidden.to(layout.dtype).cpu()
        elif index in layout.taps:
            # Each tap is narrowed as it comes, so that wide ones do not pile up.
            seen[index] = network.project(index, hidden).cpu()

    def look(block: nn.Module, args: Any, output: Any) -> None:
        lengths.append(len(output) if isinstance(output, tuple) else None)

    was_training = model.training
    model.eval()
    handle = parts.blocks[0].register_forward_hook(look)
    try:
        with layer.lockstep.observe(observe):
            embeddings: nn.Module = base.get_input_embeddings()  # type: ignore[operator]
            parts.decoder(input_ids=ids.long().to(execution_device(embeddings)), use_cache=False)
    finally:
        handle.remove()
        model.train(was_training)
    taps = torch.stack([seen[tap] for tap in layout.taps], dim=1)
    return taps, seen[layout.num_layers], lengths[0]


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
