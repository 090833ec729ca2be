"""What the presets of side networks have now, beside what a study of variants says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ladderscope.methods.settings import parse_settings
from ladderscope.studies.findings import Table
from ladderscope.studies.variants.plan import chosen_beside
from ladderscope.studies.variants.records import Runs
from ladderscope.studies.variants.verdicts import Comparisons, said_of

PRESETS = ("LadderConfig", "XLadderConfig", "LSTConfig", "QSTConfig")


def defaults_table(runs: Runs, said: Mapping[str, Comparisons | str]) -> Table:
    """A row for every choice that was compared.

    Args:
        runs: of the plan, whose reference names the values that were compared.
        said: field of the configs -> comparisons of the reference with other values of it, or what else is shown of
            these, in words.
    """
    from ladderscope.methods import side

    configs = {name: getattr(side, name)() for name in PRESETS}
    reference = parse_settings(runs.plan.reference.settings)
    rows = []
    for field, found in said.items():
        values = [_value(vars(config), field) for config in configs.values()]
        if field == "taps":
            values[PRESETS.index("XLadderConfig")] = "its own"
        says, compared = found if isinstance(found, str) else said_of(found), _value(reference, field)
        if values[PRESETS.index("LadderConfig")] != compared:
            says = f"Ladder's default is no longer what was compared here, {compared}. {says}"
        rows.append([f"`{field}`", *values, says])
    note = (
        "Ladder's and xLadder's defaults are this package's choice where the paper is silent; LST's and QST's are as "
        "published. What is said of each variant is by Holm's steps over those of its row"
    )
    if any(isinstance(found, str) for found in said.values()):
        note += "; that a loss is within a margin, by two one-sided tests for each"
    names = [name.removesuffix("Config") for name in PRESETS]
    title = "What the presets' defaults are, and what this study says of them"
    return Table(title, ["choice", *names, "says"], rows, f"{note}.")


def _value(config: Mapping[str, Any], field: str) -> str:
    """The value, and with it what is chosen beside it alone: ``frozen (basis principal)``."""
    beside = [f"{name.replace('_', ' ')} {_text(config[name])}" for name in chosen_beside(field, config[field])]
    return _text(config[field]) + (f" ({', '.join(beside)})" if beside else "")


def _text(value: Any) -> str:
    if value == "default":
        return "the value `default`"  # of ``init``; plain, it would be read as whatever is the default
    return f"{value:g}" if isinstance(value, float) else str(value)
