"""Bytes for people, and bytes from what people write."""

from __future__ import annotations

import decimal

import pytest

from ladderscope.errors import UsageError
from ladderscope.units import GIB, KIB, MIB, format_bytes, parse_bytes

NO_AMOUNTS = ["", " ", "-1", "+1", "1e3", "nan", "inf", "1,5 GiB", "1.5.0 GiB", ".5 GiB", "5. GiB", "GiB", "5 iB"]
NO_AMOUNTS += ["5 G", "5 Gi", "5%", "5 GiB/s", "5 Gibit", "1 GiB 2 MiB", "0x10", "1_000", "５", "٣ MiB", "16 MİB"]
NO_AMOUNTS += ["5 PiB", "1" + "0" * 18]


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


@pytest.mark.parametrize(
    ("text", "num_bytes"),
    [
        ("0", 0),
        ("4096", 4096),
        ("512 B", 512),
        ("512b", 512),
        ("16MiB", 16 * MIB),
        ("16 mib", 16 * MIB),
        ("\t1.5   GiB\n", 3 * GIB // 2),
        ("1KiB", KIB),
        ("2TiB", 2**41),
        ("24 MB", 24_000_000),  # a decimal prefix is decimal
        ("1 kB", 1000),
        ("0.3 GB", 300_000_000),  # not 299999999, as floats have it
        ("1.9", 1),
        ("0.999 KiB", 1022),
        ("007", 7),
        ("1.0000000000000001 TiB", 2**40),
    ],
)
def test_amounts_of_memory_are_read_exactly_and_rounded_down(text: str, num_bytes: int) -> None:
    assert parse_bytes(text) == num_bytes


@pytest.mark.parametrize("text", NO_AMOUNTS)
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match=r"write one such as 1\.5 GiB, 24 MB or 4096"):
        parse_bytes(text)


def test_a_caller_with_few_decimal_digits_gets_the_same() -> None:
    with decimal.localcontext(prec=2):
        assert parse_bytes("123.456 GiB") == 123456 * GIB // 1000


def test_what_is_formatted_can_be_read() -> None:
    for num_bytes in (0, 1023, KIB, 5 * MIB, 212 * MIB, 3 * GIB // 2):
        assert parse_bytes(format_bytes(num_bytes)) == num_bytes
