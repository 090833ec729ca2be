"""Methods that a file decides: a baseline keeps what was asked for, and a check reads the file again."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ladderscope.records import Cell


def cells_asked(paths: Sequence[Path]) -> Iterator[tuple[Cell, dict[str, str]]]:
    """The cells of grids, each with what was asked for where a file decides its method, else with nothing.

    Raises:
        UsageError: a grid that cannot be read or used.
    """
    from ladderscope.sweep.grid import DEFAULTS, read_grids, resolve_cells

    for grid in (grid for path in paths for grid in read_grids(path)):
        for method in grid.get("method", DEFAULTS["method"]):
            for settings in grid.get("settings", DEFAULTS["settings"]):
                for cell in resolve_cells(grid, {"method": [method], "settings": [settings]}):
                    yield cell, _asked(str(method), settings)


def asked_now(cell: Cell, asked: Mapping[str, str]) -> Cell:
    """The cell with the method and settings that were asked for, as the file has them now.

    Raises:
        UsageError: the file cannot be read, or is no config of PEFT.
    """
    from ladderscope.methods import get_method
    from ladderscope.sweep.grid import settings_of

    method = get_method(asked["method"])
    return dataclasses.replace(cell, method=method.name, settings=settings_of(method, asked["settings"]))


def _asked(method: str, settings: object) -> dict[str, str]:
    from ladderscope.methods.peft_file import PREFIX
    from ladderscope.methods.settings import canonical_settings

    if not method.startswith(PREFIX) or not Path(method.removeprefix(PREFIX)).expanduser().exists():
        return {}
    given = settings if isinstance(settings, Mapping | str) else None
    return {"method": method, "settings": canonical_settings(given)}
