"""The modules of a study, which is loaded by its path."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ladderscope.studies.folder import Study


def modules_of(study: Study) -> Callable[[str], Any]:
    """Gives a module of the study by its name; which of the loaded copies does not matter to what is pure."""
    _ = study.analyse([])
    return lambda name: sys.modules[f"ladderscope_study_{study.name}_analysis.{name}"]
