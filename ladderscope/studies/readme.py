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
AFTER_RESULTS = "post hoc"
"""The mark of a verdict whose rule was written, or changed, when some of the results that it decides on were known."""
AFTER_RESULTS_MEANS = "the rule was written or changed with results known"


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
        _found(definition.claims, verdicts),
        f"*Written by `ladderscope study report {study.name}` from `study.yaml` and `ledger.jsonl`: edit those.*",
        "## Verdicts",
        verdict_tables(definition.claims, verdicts),
        *_claim_sections(definition.claims, verdicts),
        "## Setup",
        definition.setup,
        _command(study),
        *_results(findings),
        *_limits(definition),
        *_provenance(records),
    ]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def _found(claims: Sequence[Claim], verdicts: dict[str, Verdict]) -> str:
    """The verdicts with their numbers in a line each, the papers' claims first; empty before a study was run."""
    if not verdicts:
        return ""
    lines = [_found_line(one, verdicts[one.id]) for kind in ("paper", "own") for one in claims if one.kind == kind]
    marked = any(claim.rule_after_results for claim in claims)
    means = f"\n\n*{AFTER_RESULTS.capitalize()}*: {AFTER_RESULTS_MEANS}." if marked else ""
    return "**What we found.**\n\n" + "\n".join(lines) + means


def _found_line(claim: Claim, verdict: Verdict) -> str:
    basis = f", {verdict.basis}" if verdict.basis else ""
    found = one_line(verdict.found or verdict.why)
    return f"- {one_line(claim.text)}: {marked_answer(claim, verdict)}{basis}. {found}"


def verdict_tables(claims: Sequence[Claim], verdicts: dict[str, Verdict]) -> str:
    """The papers' claims and then our own questions, in short."""
    papers, own = ([claim for claim in claims if claim.kind == kind] for kind in ("paper", "own"))
    parts = [_verdict_table("claim", papers, verdicts)] if papers else []
    parts += ["Our own questions, which no paper claims:", _verdict_table("question", own, verdicts)] if own else []
    return "\n\n".join(parts)


def _verdict_table(what: str, claims: Sequence[Claim], verdicts: dict[str, Verdict]) -> str:
    rows = [
        [claim.text, marked_answer(claim, verdicts.get(claim.id)), basis_of(verdicts.get(claim.id))]
        for claim in claims
    ]
    return table_text([what, "verdict", "from numbers that are"], rows)


def answer_of(verdict: Verdict | None) -> str:
    """The answer in words."""
    return NOT_RUN if verdict is None else verdict.answer


def marked_answer(claim: Claim, verdict: Verdict | None) -> str:
    """The answer in Markdown, which way it is off, and a mark where the rule was written with results known."""
    if verdict is None:
        return f"**{NOT_RUN}**"
    mark = f" ({AFTER_RESULTS})" if claim.rule_after_results else ""
    direction = f": {verdict.direction}" if verdict.direction else ""
    return f"**{verdict.answer}**{direction}{mark}"


def basis_of(verdict: Verdict | None) -> str:
    """Whether measured or predicted numbers decide."""
    return (verdict.basis if verdict else None) or NOTHING


def _claim_sections(claims: Sequence[Claim], verdicts: dict[str, Verdict]) -> list[str]:
    """A section for each claim; when several rules were written together is said at the first of them."""
    first: dict[str, Claim] = {}
    for claim in claims:
        first.setdefault(claim.rule_written, claim)
    return [_claim_section(claim, first[claim.rule_written], verdicts.get(claim.id)) for claim in claims]


def _claim_section(claim: Claim, first: Claim, verdict: Verdict | None) -> str:
    together = f'together with that of "{first.text}", which says when.'
    # In full, however long: what was known, and what was changed later, is what a reader must not miss.
    written = one_line(claim.rule_written if claim is first else together)
    lines = [
        f"- Source: {one_line(claim.source)}",
        f"- Rule: {one_line(claim.rule)}",
        f"- Rule written: {written}",
    ]
    if verdict is not None:
        lines.append(f"- Verdict: {marked_answer(claim, verdict)}. {one_line(verdict.why)}")
    return f"### {one_line(claim.text)}\n\n" + "\n".join(lines)


def _command(study: Study) -> str:
    lines = [f"ladderscope study run {study.name}"]
    if study.has_quick_run:
        lines.append(f"ladderscope study run {study.name} --quick    # a part of it, compared with the ledger here")
    return "\n".join(["```bash", *lines, f"ladderscope study report {study.name}", "```"])


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
