"""What Slurm's programs print, and what is made of it when they fail."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ladderscope.sweep.executors import slurm_programs
from ladderscope.sweep.executors.slurm_programs import SlurmRefusalError, sacct, scancel, squeue

MakeProgram = Callable[[str, str], None]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeProgram:
    """Puts a shell script on the PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def make(name: str, text: str) -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)

    return make


def test_squeue_tells_the_states_of_jobs_and_elements(program: MakeProgram) -> None:
    program("squeue", "echo '7|RUNNING'; echo '8_0|PENDING'; echo 'a warning'")
    assert squeue() == {"7": "RUNNING", "8_0": "PENDING"}


def test_sacct_tells_elements_that_never_began_together(program: MakeProgram) -> None:
    program("sacct", "echo '8_0|COMPLETED'; echo '8_[1-2,5%2]|CANCELLED by 1000'; echo '9|'")
    expected = {"8_0": "COMPLETED", "8_1": "CANCELLED", "8_2": "CANCELLED", "8_5": "CANCELLED"}
    assert sacct(["8_1", "9"]) == expected


def test_users_settings_of_the_programs_change_nothing(program: MakeProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQUEUE_STATES", "RUNNING")
    program("squeue", 'echo "7|${SQUEUE_STATES:-unset}"')
    assert squeue() == {"7": "unset"}


def test_programs_are_out_of_reach_of_ctrl_c_on_the_terminal(program: MakeProgram) -> None:
    program("squeue", 'read -r _ _ _ _ group session _ < /proc/self/stat; echo "7|$session"')
    assert squeue()["7"] != str(os.getsid(0))


def test_a_program_that_fails_says_why(program: MakeProgram) -> None:
    program("squeue", "echo 'slurm_load_jobs error:' >&2; echo 'Unable to contact the controller.' >&2; exit 1")
    with pytest.raises(SlurmRefusalError, match=r"Unable to contact the controller$"):
        squeue()


def test_a_program_that_does_not_answer_is_not_waited_for(
    program: MakeProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm_programs, "_TIMEOUT_SECONDS", 0.2)
    program("squeue", "exec sleep 60")
    with pytest.raises(SlurmRefusalError, match="does not answer"):
        squeue()


def test_to_end_what_has_ended_already_is_no_failure(program: MakeProgram) -> None:
    program("scancel", "echo 'Job/step already completing or completed' >&2; exit 1")
    program("squeue", "echo '7|COMPLETING'; echo '9|RUNNING'")
    scancel(["7", "8"])
    with pytest.raises(SlurmRefusalError, match="already completing"):
        scancel(["8", "9"])
