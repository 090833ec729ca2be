"""Entries with the numbers of a real prediction (a ladder on GPT-2, 512 tokens), changed as a test says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ladderscope.memory.places import unfold
from ladderscope.regression.compare import compare
from ladderscope.regression.entry import Entry
from ladderscope.regression.limits import DEFAULT_FAIL_ON, limits_of
from ladderscope.regression.verdict import CheckResult, EntryVerdict

BLOCKS = "side_network.blocks.{0-11}"
NAME = "random:gpt2 ladder 1/8 512 tokens, predicted for rtx-3060-12gb"
AT_PEAK = {
    "activations": {
        f"{BLOCKS}: add.Tensor": 393216,
        f"{BLOCKS}.mlp.act: add.Tensor": 786432,
        f"{BLOCKS}.mlp.act: tanh": 786432,
        "transformer: _to_copy": 2359296,
    },
    "adapter_weights": {f"{BLOCKS}.mlp.c_fc: weight": 147456, "side_network.output.upsample: weight": 294912},
    "logits_and_loss": {"(the model itself): _log_softmax": 102926336},
    "optimizer_state": {f"{BLOCKS}.mlp.c_fc: exp_avg": 148992, f"{BLOCKS}.mlp.c_fc: exp_avg_sq": 148992},
    "weights": {"transformer.h.{0-11}.mlp.c_fc: weight": 4718592, "transformer.wte: weight": 77194752},
}
SAVED = {"activations": AT_PEAK["activations"]}
FLOPS = {"backbone_forward": 96636764160, "side_network": 9663676416, "head": 79047426048}
VERSIONS = {"ladderscope": "0.1.0", "torch": "2.12.0", "transformers": "5.23.0", "peft": "0.21.2"}
ROUNDING = 6517244

Places = Mapping[str, Mapping[str, int]]


def with_places(places: Places, **more: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Places with others, or other bytes, by category."""
    names = dict.fromkeys((*places, *more))
    return {name: {**places.get(name, {}), **more.get(name, {})} for name in names}


def make_entry(
    name: str = NAME,
    *,
    at_peak: Places = AT_PEAK,
    saved: Places = SAVED,
    rounding: int = ROUNDING,
    meter: str = "predict",
    metrics: Mapping[str, int] | None = None,
    **settings: Any,
) -> Entry:
    """An entry whose metrics and breakdown are the sums of its places; a measured one does not tell its places."""
    breakdown = {category: sum(unfold(places).values()) for category, places in at_peak.items()}
    breakdown["rounding"] = rounding
    flops = settings.pop("flops", FLOPS)
    sums = {
        "peak_allocated": sum(breakdown.values()),
        "peak_reserved": 765460480,
        "saved_for_backward": sum(sum(unfold(places).values()) for places in saved.values()),
        "flops": sum(flops.values()),
        "trainable_params": 1528427,
        "evaluation_peak_allocated": 787996160,
    }
    where = {"at_peak": at_peak, "saved_for_backward": saved, "peak_at": "backward, lm_head, mm"}
    return Entry(
        name=name,
        meter=meter,
        **{
            "gpu": "rtx-3060-12gb" if meter == "predict" else None,
            "settings": {"method": "ladder"},
            "metrics": {**sums, **(metrics or {})},
            "breakdown": breakdown,
            "flops": flops,
            "versions": VERSIONS,
            **(where if meter == "predict" else {}),
            **settings,
        },
    )


def make_verdict(before: Entry | None = None, after: Entry | None = None, **fail_on: str) -> EntryVerdict:
    """The verdict of the real comparison, by default with the limits of a new baseline."""
    return compare(before or make_entry(), after or make_entry(), limits_of(fail_on or DEFAULT_FAIL_ON))


def grown_entry(name: str = NAME, num_bytes: int = 2 * 2**20, **settings: Any) -> Entry:
    """One side block keeps a copy of its hidden state, at the peak and for backward."""
    extra = {"side_network.blocks.3: clone": num_bytes}
    return make_entry(
        name,
        at_peak=with_places(AT_PEAK, activations=extra),
        saved=with_places(SAVED, activations=extra),
        **settings,
    )


def regression(name: str = NAME, num_bytes: int = 2 * 2**20) -> EntryVerdict:
    return make_verdict(make_entry(name), grown_entry(name, num_bytes))


def improvement(name: str = "improved") -> EntryVerdict:
    return make_verdict(grown_entry(name), make_entry(name))


def unchanged(name: str = "as before") -> EntryVerdict:
    return make_verdict(make_entry(name), make_entry(name))


def failure(name: str = "broken", error: str = "RuntimeError: no room\ntraceback") -> EntryVerdict:
    return EntryVerdict(name, "failed", before=make_entry(name), error=error)


def make_result(*verdicts: EntryVerdict, **settings: Any) -> CheckResult:
    return CheckResult(Path("ladderscope-baseline.json"), verdicts, dict(DEFAULT_FAIL_ON), **settings)
