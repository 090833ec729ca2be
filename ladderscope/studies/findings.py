"""What an analysis finds in a ledger: tables, figures, and a verdict on every claim."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ladderscope.errors import UsageError
from ladderscope.studies.definition import Claim

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

Answer = Literal["reproduced", "not reproduced", "cannot tell"]
ANSWERS: tuple[Answer, ...] = ("reproduced", "not reproduced", "cannot tell")
Basis = Literal["measured", "predicted", "published"]
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
        hardware: what its measured numbers were measured on.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | Value]]
    note: str = ""
    hardware: str = "a GPU"

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
        caption: below it; says what is predicted.
        draw: draws it on an empty figure.
        inches: width and height.
    """

    name: str
    title: str
    caption: str
    draw: Callable[[Canvas], None]
    inches: tuple[float, float] = (8.0, 4.5)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a claim.

    Attributes:
        claim: its id.
        answer: by the rule of the claim.
        why: a sentence with the numbers that decide.
        basis: where these come from; None where there are none.
    """

    claim: str
    answer: Answer
    why: str
    basis: Basis | None


@dataclass(frozen=True, slots=True)
class Findings:
    """All that a study found."""

    verdicts: Sequence[Verdict]
    tables: Sequence[Table] = ()
    figures: Sequence[Figure] = ()


def verdicts_by_claim(findings: Findings, claims: Sequence[Claim], study: str) -> dict[str, Verdict]:
    """Claim -> its one verdict, in the order of the claims.

    Raises:
        UsageError: a claim without one, or a verdict on something else.
    """
    found = {verdict.claim: verdict for verdict in findings.verdicts}
    wanted = [claim.id for claim in claims]
    wrong = [name for name in wanted if name not in found] + [name for name in found if name not in wanted]
    if wrong or len(found) != len(findings.verdicts):
        what = f"{wrong[0]!r} has no claim or no verdict" if wrong else "a claim has two verdicts"
        raise UsageError(f"the analysis of {study} must give one verdict for each claim of study.yaml: {what}.")
    return {name: found[name] for name in wanted}
