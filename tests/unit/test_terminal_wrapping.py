from __future__ import annotations

import pytest

from ladderscope.terminal_wrapping import wrapped


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("short", 10, ["short"]),
        ("", 10, [""]),
        ("three words here", 11, ["three words", "here"]),
        ("--set 'checkpoint_blocks=true'", 24, ["--set", "'checkpoint_blocks=true'"]),
        ("first\nsecond line", 6, ["first", "second", "line"]),
    ],
)
def test_text_is_broken_at_spaces_and_where_it_was(text: str, width: int, lines: list[str]) -> None:
    assert wrapped(text, width).split("\n") == lines


@pytest.mark.parametrize(
    ("word", "width", "lines"),
    [
        ("PYTORCH_ALLOC_CONF=expandable_segments:True", 27, ["PYTORCH_ALLOC_CONF=", "expandable_segments:True"]),
        ("a=b,c=d", 4, ["a=b,", "c=d"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("寸法寸法", 4, ["寸法", "寸法"]),
    ],
)
def test_a_word_that_is_too_long_is_broken_behind_a_sign_or_where_it_must_be(
    word: str, width: int, lines: list[str]
) -> None:
    assert wrapped(word, width).split("\n") == lines


def test_what_follows_a_broken_word_goes_on_behind_it() -> None:
    assert wrapped("a abcdefgh b", 4) == "a\nabcd\nefgh\nb"
    assert wrapped("abcdef b", 4) == "abcd\nef b"
