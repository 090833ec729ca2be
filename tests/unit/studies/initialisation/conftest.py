from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ladderscope.studies.folder import Study, find_study

STUDIES = Path(__file__).parents[4] / "studies"


@pytest.fixture(scope="session")
def study() -> Study:
    return find_study(STUDIES, "initialisation")


@pytest.fixture(scope="session")
def module(study: Study) -> Callable[[str], Any]:
    """A module of the study by its name; which of the loaded copies does not matter to what is pure."""
    _ = study.analyse([])

    def named(name: str) -> ModuleType:
        return sys.modules[f"ladderscope_study_initialisation_analysis.{name}"]

    return named
