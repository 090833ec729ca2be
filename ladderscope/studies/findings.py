"""What an analysis finds in a ledger: tables, figures, and a verdict on every claim."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ladderscope.errors import UsageError
from ladderscope.studies.bases import PREDICTED, Basis, figure_sentence
from ladderscope.studies.definition import Claim, Kind

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

Answer = Literal["reproduced", "not reproduced", "holds", "does not hold", "cannot tell"]
CANNOT_TELL: Answer = "cannot tell"
ANSWERS: dict[Kind, tuple[Answer, Answer]] = {
    "paper": ("reproduced", "not reproduced"),
    "own": ("holds", "does not hold"),
}
"""What a claim that holds, and one that does not, is answered with; a question of one's own reproduces nothing."""
NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Value:
    """A number as text, and where it comes from; a table is never silent on the latter."""

    text: str
    basis: Basis


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a README.

    Attributes:
        title: above it.
        columns: headers.
        rows: as long as ``columns``; plain text names things, a :class:`Value` is a number.
        note: Markdown below it.
        origin: where its numbers come from, in Markdown, where some of them rest on several bases at once; else what
            their bases give.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | Value]]
    note: str = ""
    origin: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"the table {self.title!r} has a row of {len(row)} for {len(self.columns)} columns")

    @property
    def bases(self) -> set[Basis]:
        """Where its numbers come from."""
        return {cell.basis for row in self.rows for cell in row if isinstance(cell, Value)}


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure.

    Attributes:
        name: of its files.
        title: above it.
        caption: below it, behind a sentence on where its numbers come from; it says which is which where they come
            from several places.
        draw: draws it on an empty figure.
        inches: width and height.
        bases: where its numbers come from.
    """

    name: str
    title: str
    caption: str
    draw: Callable[[Canvas], None]
    inches: tuple[float, float] = (8.0, 4.5)
    bases: frozenset[Basis] = frozenset({PREDICTED})

    @property
    def whole_caption(self) -> str:
        """With the sentence on where the numbers come from."""
        return f"{figure_sentence(set(self.bases))} {self.caption}".strip()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a claim.

    Attributes:
        claim: its id.
        answer: by the rule of the claim.
        why: sentences with the numbers that decide.
        basis: where these come from, in words; None where there are none.
        found: what stands under the README's title: in a sentence or two what the numbers are; ``why`` where it is
            empty.
        direction: a few words behind the answer, where it would leave open which way the numbers are off.
    """

    claim: str
    answer: Answer
    why: str
    basis: str | None
    found: str = ""
    direction: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """All that a study found."""

    verdicts: Sequence[Verdict]
    tables: Sequence[Table] = ()
    figures: Sequence[Figure] = ()


def verdicts_by_claim(findings: Findings, claims: Sequence[Claim], study: str) -> dict[str, Verdict]:
    """Claim -> its one verdict, in the order of the claims.

    Raises:
        UsageError: a claim without one, a verdict on something else, or an answer that its kind of claim has not.
    """
    found = {verdict.claim: verdict for verdict in findings.verdicts}
    wanted = [claim.id for claim in claims]
    wrong = [name for name in wanted if name not in found] + [name for name in found if name not in wanted]
    if wrong or len(found) != len(findings.verdicts):
        what = f"{wrong[0]!r} has no claim or no verdict" if wrong else "a claim has two verdicts"
        raise UsageError(f"the analysis of {study} must give one verdict for each claim of study.yaml: {what}.")
    for claim in claims:
        known = (*ANSWERS[claim.kind], CANNOT_TELL)
        if found[claim.id].answer not in known:
            raise UsageError(
                f"the analysis of {study} answers {found[claim.id].answer!r} to {claim.id!r}: "
                f"a claim of kind {claim.kind} takes one of {', '.join(known)}."
            )
    return {name: found[name] for name in wanted}
