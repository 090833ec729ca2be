"""FLOPs per token and their ratios to QLoRA's, beside those of QST's table 3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ladderscope.records import FLOP_COMPONENTS, Record
from ladderscope.studies.bases import ON_GPU, basis_of, common_basis, in_words
from ladderscope.studies.chosen import chosen, is_measured
from ladderscope.studies.findings import ANSWERS, CANNOT_TELL, NOTHING, Findings, Table, Value, Verdict
from ladderscope.units import format_flops

from .on_cpu import cpu_sentence, seconds_table

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
DECIDES, OTHER = "bf16", "fp32"
"""Dtypes of adapters and side networks; the authors' code has the first."""
REPRODUCED, NOT_REPRODUCED = ANSWERS["paper"]
Found = dict[tuple[str, str], Record]


def analyse(records: Sequence[Record], bounds: Mapping[str, float]) -> Findings:
    """A pure function of the committed ledger and of the rules' bounds."""
    found, other = _with(records, DECIDES), _with(records, OTHER)
    verdicts = [_flops(found, bounds), _others(found, bounds), _speed(found, records, bounds["faster"])]
    tables = [_ratios_table(found, other), _parts_table(found), _seconds_table(records), seconds_table(records)]
    return Findings(verdicts, tables)


def _with(records: Sequence[Record], dtype: str) -> Found:
    best = chosen(records, GPU).values()
    known = (record for record in best if record.flops and record.cell.adapter_dtype == dtype)
    return {(record.cell.model.removeprefix("random:"), record.cell.method): record for record in known}


def _flops(found: Found, bounds: Mapping[str, float]) -> Verdict:
    if not _has_all(found, ("qlora", "qst")):
        return Verdict("flops", CANNOT_TELL, "A cell is missing.", None)
    own = ", ".join(f"{_ratio(found, model, 'qst') or 0:.2f}" for model in MODELS)
    forward = ", ".join(f"{_forward_share(found, model):.2f}" for model in MODELS)
    start = (
        f"**Ours is {own}** on {', '.join(MODELS)}, and cannot be below {forward}: that is the forward pass through "
        "the backbone, which both need, of QLoRA's FLOPs."
    )
    return _decided("flops", found, ("qst",), bounds, start)


def _others(found: Found, bounds: Mapping[str, float]) -> Verdict:
    if not _has_all(found, ("qlora", "lora", "lst")):
        return Verdict("others", CANNOT_TELL, "A cell is missing.", None)
    return _decided("others", found, ("lora", "lst"), bounds, "")


def _decided(claim: str, found: Found, methods: Sequence[str], bounds: Mapping[str, float], start: str) -> Verdict:
    """By the published ratios, if what they count is known."""
    off = [
        abs((_ratio(found, model, method) or 0) / _published(model, method) - 1)
        for method in methods
        for model in MODELS
    ]
    is_known = _counts_the_same(found, bounds["growth"])
    answer = CANNOT_TELL if not is_known else REPRODUCED if max(off) <= bounds["close"] else NOT_REPRODUCED
    unknown = "" if is_known else " so what the paper counted is unknown."
    there, here = _listed_growth(PUBLISHED["qlora"]), _listed_growth(_own(found))
    growth = f"From {MODELS[0]} on QLoRA's grow {there} there and {here} here"
    said = f"{_why(found, methods)} {growth}{',' + unknown if unknown else '.'}"
    used = [found[model, method] for method in ("qlora", *methods) for model in MODELS]
    return Verdict(claim, answer, f"{start} {said}".strip(), in_words(map(basis_of, used)), said)


def _has_all(found: Found, methods: Sequence[str]) -> bool:
    return all((model, method) in found for method in methods for model in MODELS)


def _counts_the_same(found: Found, close: float) -> bool:
    """Whether the published values of QLoRA grow with the models as ours do."""
    published, own = PUBLISHED["qlora"], _own(found)
    pairs = zip(own[1:], published[1:], strict=True)
    return all(abs(one / own[0] / (other / published[0]) - 1) <= close for one, other in pairs)


def _own(found: Found) -> list[float]:
    """QLoRA's FLOPs per token, by model."""
    return [flops.per_token for model in MODELS if (flops := found[model, "qlora"].flops)]


def _listed_growth(values: Sequence[float]) -> str:
    return " : ".join(f"{value / values[0]:.2g}" for value in values)


def _forward_share(found: Found, model: str) -> float:
    flops = found[model, "qlora"].flops
    assert flops is not None
    return flops.by_component["backbone_forward"] / flops.per_step


def _speed(found: Found, records: Sequence[Record], faster: float) -> Verdict:
    for gpu, seconds in _measured(records).items():
        if all((model, method) in seconds for model in MODELS for method in ("qlora", "qst")):
            ratios = {model: seconds[model, "qlora"] / seconds[model, "qst"] for model in MODELS}
            listed = "; ".join(f"{model} {ratio:.2f}" for model, ratio in ratios.items())
            answer = REPRODUCED if max(ratios.values()) >= faster else NOT_REPRODUCED
            return Verdict("speed", answer, f"QLoRA's seconds per step over QST's on {gpu}: {listed}.", ON_GPU)
    values = [value for model in MODELS if (value := _ratio(found, model, "qst"))]
    basis = common_basis(found[key] for key in found if key[1] in ("qlora", "qst"))
    work = f" QLoRA's FLOPs are {1 / min(values):.2f} times QST's at most ({basis})." if values else ""
    why = f"Not all three models were measured on one GPU.{work}{cpu_sentence(records)}"
    return Verdict("speed", CANNOT_TELL, why, None)


def _measured(records: Sequence[Record]) -> dict[str, dict[tuple[str, str], float]]:
    """GPU -> model and method -> seconds per step that were measured there."""
    found: dict[str, dict[tuple[str, str], float]] = {}
    for record in records:
        cell, seconds = record.cell, record.seconds_per_step
        if is_measured(record) and seconds and record.gpu and cell.adapter_dtype == DECIDES:
            found.setdefault(record.gpu, {})[cell.model.removeprefix("random:"), cell.method] = seconds
    return found


def _why(found: Found, methods: Sequence[str]) -> str:
    parts = []
    for method in methods:
        own = ", ".join(f"{_ratio(found, model, method) or 0:.2f}" for model in MODELS)
        published = ", ".join(f"{_published(model, method):.2f}" for model in MODELS)
        parts.append(f"{method} over qlora {own} where {published} are published")
    return f"On {', '.join(MODELS)}: {'; '.join(parts)}."


def _ratio(found: Found, model: str, method: str) -> float | None:
    one, qlora = found.get((model, method)), found.get((model, "qlora"))
    if one is None or qlora is None or one.flops is None or qlora.flops is None:
        return None
    return one.flops.per_token / qlora.flops.per_token


def _published(model: str, method: str) -> float:
    return PUBLISHED[method][MODELS.index(model)] / PUBLISHED["qlora"][MODELS.index(model)]


def _ratios_table(found: Found, other: Found) -> Table:
    rows = [[model, method, *_ratio_cells(found, model, method)] for model in MODELS for method in PUBLISHED]
    columns = ["model", "method", "FLOPs per token, ours", "over QLoRA's, ours", "over QLoRA's, published", "off by"]
    both = [(_ratio(found, *key), _ratio(other, *key)) for key in found]
    apart = max((abs(one / beside - 1) for one, beside in both if one and beside), default=None)
    note = f"Predicted FLOPs are counted on the operations of a step on the simulated GPU, adapters in {DECIDES}."
    if apart is not None:
        note += f" In {OTHER} the ratios are {f'up to {apart:.2%} off' if apart else 'the same'}."
    return Table("FLOPs per token at 4 x 384 tokens", columns, rows, note)


def _ratio_cells(found: Found, model: str, method: str) -> list[str | Value]:
    published = _published(model, method)
    given = Value(f"{published:.2f}", "published")
    record, own = found.get((model, method)), _ratio(found, model, method)
    if record is None or record.flops is None or own is None:
        return [NOTHING, NOTHING, given, NOTHING]
    basis = basis_of(record)
    counted = Value(format_flops(record.flops.per_token), basis)
    return [
        counted,
        Value(f"{own:.2f}", common_basis([record, found[model, "qlora"]])),
        given,
        f"{own / published - 1:+.0%}",
    ]


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


def _seconds_table(records: Sequence[Record]) -> Table:
    measured = _measured(records) or {"any GPU": {}}
    rows: list[list[str | Value]] = []
    for gpu, found in measured.items():
        for model in MODELS:
            seconds = [found.get((model, method)) for method in ("qlora", "qst")]
            rows.append([gpu, model, *("not measured" if s is None else Value(f"{s:.3g}", ON_GPU) for s in seconds)])
    return Table("Seconds per step on a GPU", ["GPU", "model", "qlora", "qst"], rows)
