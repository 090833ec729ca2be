"""What Ray's workers get of the driver's environment, and what the user may add."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import ladderscope
from ladderscope.errors import UsageError
from ladderscope.sweep.executors.ray_environment import runtime_env, shipped_variables, ships_folder
from ladderscope.sweep.executors.ray_options import RayOptions

ray: Any = pytest.importorskip("ray")
PACKAGE = str(Path(ladderscope.__file__).parent)


def options(tmp_path: Path, content: str) -> RayOptions:
    path = tmp_path / "env.yaml"
    path.write_text(content)
    return RayOptions(runtime_env=str(path))


def test_what_decides_a_cell_is_shipped_and_no_token() -> None:
    shipped = {"LADDERSCOPE_SHARED_DATA": "data", "HF_HOME": "hub", "HF_HUB_OFFLINE": "1", "PYTORCH_ALLOC_CONF": "x"}
    secret = {"HF_TOKEN": "hf_abc", "HF_TOKEN_PATH": "token", "LADDERSCOPE_API_KEY": "abc"}
    assert shipped_variables({**shipped, **secret, "PATH": "/bin"}) == shipped


def test_without_a_file_workers_get_the_package_and_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        os, "environ", {"HF_HOME": "hub", "HF_TOKEN": "hf_abc", "LADDERSCOPE_SHIPPED_COMMIT": "c clean"}
    )
    env = runtime_env(ray, RayOptions())
    assert env["py_modules"] == [PACKAGE]
    assert env["env_vars"] == {"HF_HOME": "hub", "LADDERSCOPE_SHIPPED_COMMIT": "c clean"}
    assert not ships_folder(RayOptions())


def test_what_the_user_says_is_over_what_is_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", "hub")
    content = f"env_vars: {{OMP_NUM_THREADS: 4, HF_HOME: other}}\npy_modules: [{tmp_path}]\nworking_dir: {tmp_path}\n"
    env = runtime_env(ray, options(tmp_path, content))
    assert env["env_vars"]["OMP_NUM_THREADS"] == "4"
    assert env["env_vars"]["HF_HOME"] == "other"
    assert env["py_modules"] == [PACKAGE, str(tmp_path)]
    assert ships_folder(options(tmp_path, content))


def test_a_field_without_a_value_is_as_none(tmp_path: Path) -> None:
    empty = options(tmp_path, "env_vars:\npy_modules: null\nworking_dir:\n")
    assert runtime_env(ray, empty) == runtime_env(ray, RayOptions())
    assert not ships_folder(empty)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("py_modules: ../my_package\n", "must give py_modules as a list of paths"),
        ("py_modules: [3]\n", "must give py_modules as a list of paths"),
        ("env_vars: [A]\n", "must map names to values in env_vars"),
        ("env_vars: {A: true}\n", "must give A of env_vars a text or a number: put it in quotes"),
        ("env_vars: {1: a}\n", "must give 1 of env_vars a text or a number"),
        ("pip: [x]\nconda: y\n", "is none that Ray takes: "),
        ("working_dir: 3\n", "is none that Ray takes: "),
        ("- pip\n", "must map fields such as `pip` to values"),
    ],
)
def test_what_ray_does_not_take_is_refused_by_the_name_of_its_file(content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refusal:
        runtime_env(ray, options(tmp_path, content))
    assert "env.yaml" in str(refusal.value)
    assert message in str(refusal.value)
