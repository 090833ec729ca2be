"""How a Ray cluster is reached: what is known to be impossible before that is refused."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ladderscope.errors import UsageError
from ladderscope.sweep.executors.engine import Terms
from ladderscope.sweep.executors.ray_cluster import connect
from ladderscope.sweep.executors.ray_options import RayOptions


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What a Ray that starts nothing was asked to start."""
    found: list[dict[str, Any]] = []
    environments = SimpleNamespace(RuntimeEnv=dict)
    init = lambda address, **settings: found.append({"address": address, **settings})  # noqa: E731
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=init, runtime_env=environments))
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    return found


def terms(tmp_path: Path, jobs: int | None = None) -> Terms:
    return Terms(jobs=jobs, timeout_seconds=None, folder=tmp_path, resume=True, say=print)


@pytest.mark.parametrize(("jobs", "cpus", "cores"), [(1, 2, 2), (3, 2, 6), (None, 2, 4), (2, 8, 16)])
def test_a_local_cluster_has_the_cores_for_as_many_cells_as_are_to_run(
    jobs: int | None, cpus: int, cores: int, tmp_path: Path, begun: list[dict[str, Any]]
) -> None:
    connect(terms(tmp_path, jobs), RayOptions(address="local", cpus=cpus))
    assert begun[0]["num_cpus"] == cores


def test_more_cores_than_this_machine_has_are_refused_where_nobody_says_how_many_cells_share_them(
    tmp_path: Path, begun: list[dict[str, Any]]
) -> None:
    with pytest.raises(
        UsageError, match="--ray-cpus 8 is more than the 4 that this machine or OMP_NUM_THREADS grants"
    ):
        connect(terms(tmp_path), RayOptions(address="local", cpus=8))
    connect(terms(tmp_path), RayOptions(address="10.0.0.5:6379", cpus=8))
    assert "num_cpus" not in begun[0]


@pytest.mark.parametrize("name", ["RTX 4090", "a/b", "-T4", ""])
def test_a_type_that_no_node_could_be_labelled_with_is_refused(
    name: str, tmp_path: Path, begun: list[dict[str, Any]]
) -> None:
    with pytest.raises(UsageError, match="joins words with dashes, as in A100 or GeForce-RTX-4090"):
        connect(terms(tmp_path), RayOptions(gpu_type=name))
    assert not begun


@pytest.mark.parametrize(
    ("error", "address", "message"),
    [
        (
            ConnectionError("Could not find any.\nAnd more"),
            "auto",
            "at --ray-address auto: Could not find any. Start one",
        ),
        (TypeError(), "auto", "at --ray-address auto: TypeError. Start one with `ray start --head`"),
        (Exception("It timed out"), "local", "cannot start a Ray cluster on this machine: It timed out."),
    ],
)
def test_what_ray_refuses_is_said_in_one_sentence(
    error: Exception, address: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(address: str, **settings: object) -> None:
        raise error

    environments = SimpleNamespace(RuntimeEnv=dict)
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=refuses, runtime_env=environments))
    with pytest.raises(UsageError, match=re.escape(message)):
        connect(terms(tmp_path), RayOptions(address=address))
