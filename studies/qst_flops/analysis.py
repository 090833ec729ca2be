"""FLOPs per token and their ratios to QLoRA's, beside those of QST's table 3."""

from __future__ import annotations

from collections.abc import Sequence

from ladderscope.records import FLOP_COMPONENTS, Record
from ladderscope.studies.chosen import basis_of, chosen
from ladderscope.studies.findings import NOTHING, Answer, Findings, Table, Value, Verdict
from ladderscope.units import format_flops

GPU = "1024GiB:sm86"
MODELS = ("llama-2-7b", "llama-2-13b", "llama-2-70b")
PUBLISHED = {
    "qlora": (11.7, 16.0, 38.1),
    "lora": (11.3, 15.6, 37.2),
    "lst": (11.0, 19.0, 80.7),
    "adapter": (11.2, 15.6, 27.2),
    "qst": (4.4, 6.1, 15.3),
}
"""Table 3 of arXiv 2401.07159, by model; the unit is unclear."""
CLOSE, FASTER = 0.15, 2.7
Found = dict[tuple[str, str], Record]


def analyse(records: Sequence[Record]) -> Findings:
    """A pure function of the committed ledger."""
    best = chosen(records, GPU).values()
    found = {(r.cell.model.removeprefix("random:"), r.cell.method): r for r in best if r.flops}
    verdicts = [_flops(found), _others(found), _speed(found)]
    return Findings(verdicts, [_ratios_table(found), _parts_table(found), _seconds_table(found)])


def _flops(found: Found) -> Verdict:
    own = [_ratio(found, model, "qst") for model in MODELS]
    if None in own:
        return Verdict("flops", "cannot tell", "A cell is missing.", None)
    off = {model: value / _published(model, "qst") - 1 for model, value in zip(MODELS, own, strict=True) if value}
    forward = ", ".join(f"{_forward_share(found, model):.2f}" for model in MODELS)
    both = f"The forward pass through the backbone, which both need, is {forward} of QLoRA's FLOPs."
    why = f"{_why(found, ('qst',))} {both}"
    return Verdict("flops", _answer(max(off.values()) <= CLOSE), why, basis_of(found[MODELS[0], "qst"]))


def _forward_share(found: Found, model: str) -> float:
    flops = found[model, "qlora"].flops
    assert flops is not None
    return flops.by_component["backbone_forward"] / flops.per_step


def _others(found: Found) -> Verdict:
    own = [(model, method, _ratio(found, model, method)) for method in ("lora", "lst") for model in MODELS]
    if any(value is None for _, _, value in own):
        return Verdict("others", "cannot tell", "A cell is missing.", None)
    off = [abs(value / _published(model, method) - 1) for model, method, value in own if value]
    why = _why(found, ("lora", "lst"))
    return Verdict("others", _answer(max(off) <= CLOSE), why, basis_of(found[MODELS[0], "lora"]))


def _speed(found: Found) -> Verdict:
    pairs = {model: (_seconds(found, model, "qlora"), _seconds(found, model, "qst")) for model in MODELS}
    ratios = {model: old / new for model, (old, new) in pairs.items() if old and new}
    if not ratios:
        values = [value for model in MODELS if (value := _ratio(found, model, "qst"))]
        work = f" QLoRA's FLOPs are {1 / min(values):.2f} times QST's at most." if values else ""
        return Verdict("speed", "cannot tell", f"No seconds were measured on a GPU.{work}", None)
    listed = "; ".join(f"{model} {ratio:.2f}" for model, ratio in ratios.items())
    holds = max(ratios.values()) >= FASTER
    return Verdict("speed", _answer(holds), f"QLoRA's seconds per step over QST's: {listed}.", "measured")


def _why(found: Found, methods: Sequence[str]) -> str:
    parts = []
    for method in methods:
        own = ", ".join(f"{_ratio(found, model, method) or 0:.2f}" for model in MODELS)
        published = ", ".join(f"{_published(model, method):.2f}" for model in MODELS)
        parts.append(f"{method} over qlora {own} where {published} are published")
    return f"On {', '.join(MODELS)}: {'; '.join(parts)}."


def _answer(holds: bool) -> Answer:
    return "reproduced" if holds else "not reproduced"


def _ratio(found: Found, model: str, method: str) -> float | None:
    one, qlora = found.get((model, method)), found.get((model, "qlora"))
    if one is None or qlora is None or one.flops is None or qlora.flops is None:
        return None
    return one.flops.per_token / qlora.flops.per_token


def _published(model: str, method: str) -> float:
    return PUBLISHED[method][MODELS.index(model)] / PUBLISHED["qlora"][MODELS.index(model)]


def _seconds(found: Found, model: str, method: str) -> float | None:
    record = found.get((model, method))
    return record.seconds_per_step if record and record.meter == "cuda" else None


def _ratios_table(found: Found) -> Table:
    rows = [[model, method, *_ratio_cells(found, model, method)] for model in MODELS for method in PUBLISHED]
    columns = ["model", "method", "FLOPs per token, ours", "over QLoRA's, ours", "over QLoRA's, published", "off by"]
    note = "FLOPs of a predicted record are counted on the operations of a step on the simulated GPU."
    return Table("FLOPs per token at 4 x 384 tokens", columns, rows, note)


def _ratio_cells(found: Found, model: str, method: str) -> list[str | Value]:
    published = _published(model, method)
    given = Value(f"{published:.2f}", "published")
    record, own = found.get((model, method)), _ratio(found, model, method)
    if record is None or record.flops is None or own is None:
        return [NOTHING, NOTHING, given, NOTHING]
    basis = basis_of(record)
    counted = Value(format_flops(record.flops.per_token), basis)
    return [counted, Value(f"{own:.2f}", basis), given, f"{own / published - 1:+.0%}"]


def _parts_table(found: Found) -> Table:
    model = MODELS[0]
    rows: list[list[str | Value]] = []
    for method in PUBLISHED:
        record = found.get((model, method))
        if record is not None and record.flops is not None and record.tokens_per_step:
            parts, tokens = record.flops.by_component, record.tokens_per_step
            cells = [Value(format_flops(parts[name] / tokens), basis_of(record)) for name in FLOP_COMPONENTS]
            rows.append([method, *cells])
    columns = ["method", *(name.replace("_", " ") for name in FLOP_COMPONENTS)]
    note = "QLoRA's backward pass goes through the whole backbone; QST's does not, but its forward pass does."
    return Table(f"Where the FLOPs per token of {model} are", columns, rows, note)


def _seconds_table(found: Found) -> Table:
    rows: list[list[str | Value]] = []
    for model in MODELS:
        seconds = [_seconds(found, model, method) for method in ("qlora", "qst")]
        rows.append([model, *("not measured" if s is None else Value(f"{s:.3g}", "measured") for s in seconds)])
    return Table("Seconds per step on a GPU", ["model", "qlora", "qst"], rows)
