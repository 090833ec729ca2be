from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladderscope.studies.folder import Study, find_study

from ..loaded import modules_of

STUDIES = Path(__file__).parents[4] / "studies"


@pytest.fixture(scope="session")
def study() -> Study:
    return find_study(STUDIES, "initialisation")


@pytest.fixture(scope="session")
def module(study: Study) -> Callable[[str], Any]:
    return modules_of(study)
