"""What `--lengths` takes, and what it refuses in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ladderscope.errors import UsageError
from ladderscope.planning.length_files import read_lengths
from ladderscope.planning.lengths import Lengths

TINY = "random:tiny-llama"
EXPECTED = Lengths.of({12: 3, 40: 1})

FILES = {
    "a length on each line": "12\n40\n12\n12\n",
    "a length and a number of rows": "12 3\n40 1\n",
    "commas and a header": "length,count\n12,3\n40,1\n",
    "tabs, blank lines and a mark of the byte order": "\ufeff12\t2\n\n40\t1\r\n12\t1\n",
    "an empty bin": "12 3\n13 0\n40 1",
}

REFUSED = {
    "empty": ("", "holds no lengths: give a range as 128:768"),
    "only empty bins": ("12 0\n", "holds no lengths"),
    "header alone": ("length count\n", "holds no lengths"),
    "negative": ("12\n-3\n", "line 2 of .* is '-3': lengths start at 1 token"),
    "zero": ("0\n", "line 1 of .* lengths start at 1 token"),
    "negative count": ("12 -1\n", "numbers of rows at 0"),
    "fraction": ("12\n\n12.5\n", "line 3 of .* is '12.5': give a length in whole tokens"),
    "three numbers": ("12 1 1\n", "line 1 of .*: give a length in whole tokens"),
    "words": ("12\nmany words\n", "line 2 of .* is 'many words'"),
    "too long": ("12 3\n513 2\n600 5\n", "7 of 10 rows in .* are longer than the 512 tokens .* --seq-len 512"),
}


def _write(folder: Path, text: str, name: str = "lengths.txt") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("form", FILES)
def test_forms_of_files(form: str, tmp_path: Path) -> None:
    assert read_lengths(_write(tmp_path, FILES[form]), TINY, 512) == EXPECTED


@pytest.mark.parametrize("case", REFUSED)
def test_files_that_are_refused(case: str, tmp_path: Path) -> None:
    text, message = REFUSED[case]
    with pytest.raises(UsageError, match=message):
        read_lengths(_write(tmp_path, text), TINY, 512)


@pytest.mark.parametrize(
    ("text", "cut", "message"),
    [
        ("768:128", None, "the wrong way round: give 128:768"),
        ("0:128", None, "at least 1 token"),
        ("-4:128", None, "at least 1 token"),
        ("500:515", None, "3 of 16 lengths in 500:515 are longer than the 512 tokens"),
        ("500:515", 513, "would be cut: give --lengths 500:515 --seq-len 512"),
        ("128:256", 1, "at least: raise --seq-len from 1"),
        ("128-256", None, "there is no file 128-256"),
    ],
)
def test_ranges_that_are_refused(text: str, cut: int | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_lengths(text, TINY, 512, cut)


def test_longer_rows_are_cut_where_that_is_asked_for() -> None:
    lengths = read_lengths("500:515", TINY, 512, cut=512)
    assert (lengths.longest, lengths.num_cut, lengths.num_rows) == (512, 3, 16)


def test_the_models_tokenizer_counts_a_data_set(tiny_folder: Path, tmp_path: Path) -> None:
    chat = [{"role": "user", "content": "ab"}, {"role": "assistant", "content": "cd"}]
    rows = [{"prompt": "abc", "completion": "de"}, {"prompt": "", "completion": "f"}, {"messages": chat}]
    path = _write(tmp_path, "\n".join(map(json.dumps, rows)), "data.jsonl")
    # One token per byte, and one for the end; the chat template writes "[user]ab[assistant]".
    expected = Lengths.of({3 + 2 + 1: 1, 1 + 1: 1, len("[user]ab[assistant]cd") + 1: 1})
    assert read_lengths(path, str(tiny_folder), 512) == expected


def test_a_data_set_needs_a_tokenizer(sums_file: Path) -> None:
    with pytest.raises(UsageError, match="random:tiny-llama has no tokenizer to count"):
        read_lengths(str(sums_file), TINY, 512)


def test_a_data_set_is_known_by_its_ending(tiny_folder: Path, tmp_path: Path) -> None:
    path = _write(tmp_path, json.dumps({"prompt": "a", "completion": "b"}), "data.json")
    with pytest.raises(UsageError, match=r"rename it to end with \.jsonl"):
        read_lengths(path, str(tiny_folder), 512)
