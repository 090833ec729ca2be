"""What the presets of side networks have now, beside what a study of variants says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ladderscope.methods.settings import parse_settings
from ladderscope.studies.findings import Table
from ladderscope.studies.variants.records import Runs
from ladderscope.studies.variants.verdicts import Comparisons, said_of

PRESETS = ("LadderConfig", "XLadderConfig", "LSTConfig", "QSTConfig")


def defaults_table(runs: Runs, said: Mapping[str, Comparisons | str]) -> Table:
    """A row for every choice that was compared.

    Args:
        runs: of the plan, whose reference names the values that were compared.
        said: field of the configs -> comparisons of the reference with other values of it, or a sentence.
    """
    from ladderscope.methods import side

    configs = {name: getattr(side, name)() for name in PRESETS}
    reference = parse_settings(runs.plan.reference.settings)
    rows = []
    for field, found in said.items():
        values = [_value(getattr(config, field)) for config in configs.values()]
        if field == "taps":
            values[PRESETS.index("XLadderConfig")] = "its own"
        same = getattr(configs["LadderConfig"], field) == reference[field]
        says = found if isinstance(found, str) else said_of(found)
        if not same:
            says = f"Ladder's default is no longer what was compared here, {_value(reference[field])}. {says}"
        rows.append([f"`{field}`", *values, says])
    note = (
        "Ladder's and xLadder's defaults are this package's choice where the paper is silent; LST's and QST's are as "
        "published. What is said of each variant is by Holm's steps over those of its row."
    )
    names = [name.removesuffix("Config") for name in PRESETS]
    title = "What the presets' defaults are, and what this study says of them"
    return Table(title, ["choice", *names, "says"], rows, note)


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
