"""What ``study.yaml`` says: claims with the rules that decide them, how they are checked, and on which cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from ladderscope.errors import UsageError
from ladderscope.studies.compare import HELD
from ladderscope.sweep.grid import Grid, grid_of
from ladderscope.yaml_files import read_mapping

AUTO = "auto"
_KEYS = (
    "title", "claims", "bounds", "setup", "limits", "meter", "gpu", "grid", "quick-grid", "quick-tolerance"
)  # fmt: skip
_CLAIM_TEXTS = {"id": "id", "text": "text", "source": "source", "rule": "rule", "rule-written": "rule_written"}
"""Keys of a claim that are text, with the fields that hold them."""
_AFTER_RESULTS = "rule-after-results"
_CLAIM_KEYS = (*_CLAIM_TEXTS, "kind", _AFTER_RESULTS)
_NEEDED = ", ".join((*_CLAIM_TEXTS, "kind"))
Kind = Literal["paper", "own"]
_OF_DOCUMENT = ("gpu",)
"""Keys of a document of the grid that are no axis of cells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim.

    Attributes:
        id: short name, by which a verdict refers to it.
        text: what is claimed.
        source: who claims it, and where.
        rule: what decides.
        rule_written: when the rule was written down, and which records existed by then.
        kind: a paper's claim, or a question of this project.
        rule_after_results: whether results that the rule is about were known, in whole or in part, when it was written
            or last changed; its verdict is then shown with a mark.
    """

    id: str
    text: str
    source: str
    rule: str
    rule_written: str
    kind: Kind
    rule_after_results: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """A grid, and the GPU that its cells are predicted for; None where they are measured.

    A document of a study that names a GPU is measured where its own is ``gpu: null``.
    """

    grid: Grid
    gpu: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A study as it was written down.

    Attributes:
        title: one line.
        claims: at least one.
        bounds: numbers of the rules by name; the analysis is given them.
        setup: prose, in Markdown.
        limits: what the study cannot show, a sentence each.
        meter: of the cells that are measured: ``auto``, ``cpu`` or ``cuda``.
        grid: of the whole study; empty where the study runs by itself.
        quick_grid: a part of it, for ``--quick``.
        quick_tolerance: how far a quick run's numbers may be off the committed ones, by quantity: as a share of them,
            for shares of right answers in points over 100.
    """

    title: str
    claims: tuple[Claim, ...]
    bounds: Mapping[str, float]
    setup: str
    limits: tuple[str, ...]
    meter: str
    grid: tuple[Document, ...]
    quick_grid: tuple[Document, ...]
    quick_tolerance: Mapping[str, float]


def read_definition(path: Path) -> Definition:
    """The study that a file defines.

    Raises:
        UsageError: the file cannot be read, or a part is missing, unknown or of the wrong kind.
    """
    values = read_mapping(path, "the study", "map names such as `title` and `claims` to their values")
    _check_keys(values, _KEYS, f"{path}")
    gpu = _optional_text(values, "gpu", path)
    quick_grid = _documents(values.get("quick-grid", []), gpu, "quick-grid", path)
    return Definition(
        title=_text(values, "title", path),
        claims=_claims(values.get("claims"), path),
        bounds=_numbers(values.get("bounds", {}), "bounds", path),
        setup=_text(values, "setup", path),
        limits=_texts(values.get("limits", []), "limits", path),
        meter=_optional_text(values, "meter", path) or AUTO,
        grid=_documents(values.get("grid", []), gpu, "grid", path),
        quick_grid=quick_grid,
        quick_tolerance=_tolerance(values, path, is_needed=bool(quick_grid)),
    )


def _claims(values: object, path: Path) -> tuple[Claim, ...]:
    if not isinstance(values, list) or not values:
        raise UsageError(f"the study {path} needs claims: a list of {_NEEDED}.")
    claims = tuple(_claim(value, path) for value in values)
    ids = [claim.id for claim in claims]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise UsageError(f"the study {path} has two claims with the id {twice[0]!r}: give each its own.")
    return claims


def _claim(value: object, path: Path) -> Claim:
    if not isinstance(value, dict):
        raise UsageError(f"a claim of {path} must map {_NEEDED} to text, not be {value!r}.")
    where = f"a claim of {path}"
    _check_keys(value, _CLAIM_KEYS, where)
    kind: Any = value.get("kind")
    if kind not in get_args(Kind):
        raise UsageError(f"{where} has the kind {kind!r}: choose from {', '.join(get_args(Kind))}.")
    after_results: Any = value.get(_AFTER_RESULTS, False)
    if not isinstance(after_results, bool):
        raise UsageError(f"{_AFTER_RESULTS} of {where} must be true or false, not {after_results!r}.")
    texts = {field: _text(value, name, where) for name, field in _CLAIM_TEXTS.items()}
    return Claim(**texts, kind=kind, rule_after_results=after_results)


def _documents(values: object, gpu: str | None, name: str, path: Path) -> tuple[Document, ...]:
    documents: list[Any] = values if isinstance(values, list) else [values]
    if not all(isinstance(document, dict) and document for document in documents):
        raise UsageError(
            f"{name} of {path} must be a mapping of axes such as `model` and `seq-len`, or a list of such."
        )
    return tuple(_document(document, gpu) for document in documents)


def _document(values: Mapping[Any, Any], gpu: str | None) -> Document:
    axes = {key: value for key, value in values.items() if key not in _OF_DOCUMENT}
    return Document(grid_of(axes), values.get("gpu", gpu))


def _check_keys(values: Mapping[Any, Any], known: Sequence[str], where: str) -> None:
    unknown = [str(key) for key in values if key not in known]
    if unknown:
        raise UsageError(f"{where} has an unknown key {unknown[0]!r}: choose from {', '.join(known)}.")


def _text(values: Mapping[Any, Any], name: str, where: object) -> str:
    text = _optional_text(values, name, where)
    if not text:
        raise UsageError(f"{where} needs a {name}: write it as text.")
    return text


def _optional_text(values: Mapping[Any, Any], name: str, where: object) -> str | None:
    value = values.get(name)
    if value is not None and not isinstance(value, str):
        raise UsageError(f"{name} of {where} must be text, not {value!r}.")
    return value.strip() if value else None


def _texts(values: object, name: str, path: Path) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise UsageError(f"{name} of {path} must be a list of sentences.")
    return tuple(" ".join(value.split()) for value in values)


def _numbers(values: object, name: str, path: Path) -> Mapping[str, float]:
    if not isinstance(values, dict) or not all(map(_is_number, values.values())):
        raise UsageError(f"{name} of {path} must map names to numbers.")
    return {str(key): float(value) for key, value in values.items()}


def _tolerance(values: Mapping[Any, Any], path: Path, *, is_needed: bool) -> Mapping[str, float]:
    """Of every quantity: the one that is given, or that of its name, and 0 for those that are not named."""
    value: Any = values.get("quick-tolerance")
    if value is None and not is_needed:
        return {}
    given = value if isinstance(value, dict) else dict.fromkeys(HELD, value)
    if not all(_is_number(one) and one >= 0 for one in given.values()):
        raise UsageError(
            f"{path} needs a quick-tolerance beside its quick-grid: a share such as 0.01, 0 for exactly, or several "
            f"by the names {', '.join(HELD)}."
        )
    _check_keys(given, HELD, f"quick-tolerance of {path}")
    return {quantity: float(given.get(quantity, 0.0)) for quantity in HELD}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
