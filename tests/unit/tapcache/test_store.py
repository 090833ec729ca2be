from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from ladderscope.tapcache.layout import Layout
from ladderscope.tapcache.store import COUNTER, TapStore

CPU = torch.device("cpu")


def make_layout(bits: int = 16, dtype: torch.dtype = torch.bfloat16) -> Layout:
    return Layout((4, 4, 4, 2), (1, 3), num_layers=4, width=8, hidden_size=16, bits=bits, dtype=dtype)


def row(layout: Layout, index: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(index)
    length = layout.lengths[index]
    taps = torch.randn(1, 2, length, 8, generator=generator).to(layout.dtype)
    return taps, torch.randn(1, length, 16, generator=generator).to(layout.dtype)


def write(store: TapStore, *indices: int) -> None:
    with store.writer() as writer:
        for index in indices:
            writer.append(*row(store.layout, index))


@pytest.mark.parametrize(("bits", "dtype"), [(16, torch.bfloat16), (16, torch.float32), (8, torch.bfloat16)])
def test_rows_come_back_in_any_order(bits: int, dtype: torch.dtype, tmp_path: Path) -> None:
    layout = make_layout(bits, dtype)
    store = TapStore(tmp_path, layout)
    write(store, 0, 1, 2, 3)
    taps, hidden = store.read([2, 0], CPU)
    for place, index in enumerate((2, 0)):
        given_taps, given_hidden = row(layout, index)
        exact = bits == 16 and dtype == torch.bfloat16
        torch.testing.assert_close(taps[:, place].float(), given_taps[0].float(), rtol=0, atol=0 if exact else 0.02)
        assert torch.equal(hidden[place], given_hidden[0])
    assert store.read([3], CPU)[0].shape == (2, 1, 2, 8)


@pytest.mark.parametrize(("bits", "dtype"), [(16, torch.bfloat16), (16, torch.float32), (8, torch.float32)])
def test_the_files_have_the_bytes_that_the_layout_says(bits: int, dtype: torch.dtype, tmp_path: Path) -> None:
    store = TapStore(tmp_path, make_layout(bits, dtype))
    write(store, 0, 1, 2, 3)
    on_disk = {path.name: path.stat().st_size for path in tmp_path.glob("*.bin")}
    assert on_disk == {name: store.layout.bytes_of(name) for name in store.layout.fields}
    assert sum(on_disk.values()) == store.layout.total_bytes()


def test_rows_that_were_not_counted_are_cut_off_and_written_again(tmp_path: Path) -> None:
    store = TapStore(tmp_path, make_layout())
    write(store, 0, 1)
    with (tmp_path / "taps.bin").open("ab") as file:
        file.write(b"half a row")
    store = TapStore(tmp_path, make_layout())
    assert store.rows_done == 2
    write(store, 2, 3)
    assert torch.equal(store.read([2], CPU)[1], row(store.layout, 2)[1])
    assert (tmp_path / "taps.bin").stat().st_size == store.layout.bytes_of("taps.bin")


def test_a_file_that_has_lost_rows_is_filled_from_the_start(tmp_path: Path) -> None:
    store = TapStore(tmp_path, make_layout())
    write(store, 0, 1)
    (tmp_path / "hidden.bin").unlink()
    assert (tmp_path / COUNTER).read_text() == "2"
    assert store.rows_done == 0
