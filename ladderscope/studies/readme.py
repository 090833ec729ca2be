"""The README of a study: all of it is made from ``study.yaml`` and the ledger."""

from __future__ import annotations

from collections.abc import Sequence

from ladderscope.records import Record
from ladderscope.report.provenance import environment
from ladderscope.studies.definition import Claim, Definition
from ladderscope.studies.findings import NOTHING, Findings, Verdict, verdicts_by_claim
from ladderscope.studies.folder import Study
from ladderscope.studies.markdown import one_line, section_of, table_text

NOT_RUN = "not run yet"


def readme_text(study: Study, records: Sequence[Record], findings: Findings | None) -> str:
    """The README.

    Args:
        study: the study.
        records: of its committed ledger.
        findings: of its analysis; None where it was not run.

    Raises:
        UsageError: the findings do not answer the claims one by one.
    """
    definition = study.definition
    verdicts = {} if findings is None else verdicts_by_claim(findings, definition.claims, study.name)
    parts = [
        f"# {definition.title}",
        f"*Written by `ladderscope study report {study.name}` from `study.yaml` and `ledger.jsonl`: edit those.*",
        "## Verdicts",
        verdict_tables(definition.claims, verdicts),
        *(_claim_section(claim, verdicts.get(claim.id)) for claim in definition.claims),
        "## Setup",
        definition.setup,
        *_command(study.name, definition),
        *_results(findings),
        *_limits(definition),
        *_provenance(records),
    ]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def verdict_tables(claims: Sequence[Claim], verdicts: dict[str, Verdict]) -> str:
    """The papers' claims and then our own questions, in short."""
    papers, own = ([claim for claim in claims if claim.kind == kind] for kind in ("paper", "own"))
    parts = [_verdict_table("claim", papers, verdicts)] if papers else []
    parts += ["Our own questions, which no paper claims:", _verdict_table("question", own, verdicts)] if own else []
    return "\n\n".join(parts)


def _verdict_table(what: str, claims: Sequence[Claim], verdicts: dict[str, Verdict]) -> str:
    rows = [
        [claim.text, f"**{answer_of(verdicts.get(claim.id))}**", basis_of(verdicts.get(claim.id))] for claim in claims
    ]
    return table_text([what, "verdict", "from numbers that are"], rows)


def answer_of(verdict: Verdict | None) -> str:
    """The answer in words."""
    return NOT_RUN if verdict is None else verdict.answer


def basis_of(verdict: Verdict | None) -> str:
    """Whether measured or predicted numbers decide."""
    return (verdict.basis if verdict else None) or NOTHING


def _claim_section(claim: Claim, verdict: Verdict | None) -> str:
    lines = [
        f"- Source: {one_line(claim.source)}",
        f"- Rule: {one_line(claim.rule)}",
        f"- Rule written: {one_line(claim.rule_written)}",
    ]
    if verdict is not None:
        lines.append(f"- Verdict: **{verdict.answer}**. {one_line(verdict.why)}")
    return f"### {one_line(claim.text)}\n\n" + "\n".join(lines)


def _command(name: str, definition: Definition) -> list[str]:
    quick = f"\nladderscope study run {name} --quick    # a part of it, compared with the ledger here"
    command = f"ladderscope study run {name}" + (quick if definition.quick_grid else "")
    return ["```bash\n" + command + f"\nladderscope study report {name}\n```"]


def _results(findings: Findings | None) -> list[str]:
    if findings is None:
        return ["## Results", f"This study was {NOT_RUN}."]
    figures = [
        f"### {figure.title}\n\n![{figure.title}](figures/{figure.name}.svg)\n\n{figure.whole_caption}"
        for figure in findings.figures
    ]
    return ["## Results", *map(section_of, findings.tables), *figures]


def _limits(definition: Definition) -> list[str]:
    if not definition.limits:
        return []
    return ["## What this cannot show", "\n".join(f"- {limit}" for limit in definition.limits)]


def _provenance(records: Sequence[Record]) -> list[str]:
    if not records:
        return []
    found = environment(records)
    rows = [["records", str(len(records))], *([name, value] for name, value in found.items())]
    return ["## Where it was made", table_text(["what", "value"], rows)]
