"""Bytes for people."""

from __future__ import annotations

import pytest

from ladderscope.units import GIB, MIB, format_bytes


@pytest.mark.parametrize(
    ("num_bytes", "text"),
    [
        (512, "512 B"),
        (2048, "2 KiB"),
        (int(1.37 * MIB), "1.37 MiB"),
        (212 * MIB, "212 MiB"),
        (3 * GIB // 2, "1.50 GiB"),
        (-3 * MIB, "-3.00 MiB"),
    ],
)
def test_bytes_keep_three_digits_where_they_have_them(num_bytes: int, text: str) -> None:
    assert format_bytes(num_bytes) == text
