"""A machine that has no Slurm, or no way to it, hears so: the words are those of Slurm 22.05 and of others' logs."""

from __future__ import annotations

from pathlib import Path

import pytest

from ladderscope.errors import UsageError
from ladderscope.sweep.executors.slurm_causes import check_programs, explain

NO_CONFIGURATION = "its configuration is not"
NO_CONTROLLER = "its controller does not answer"
NOT_LET_IN = "does not let this machine in"


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("squeue: fatal: Could not establish a configuration source", NO_CONFIGURATION),
        ("squeue: fatal: Unable to process configuration file", NO_CONFIGURATION),
        ("slurm_load_jobs error: Unable to contact slurm controller (connect failure)", NO_CONTROLLER),
        ("Batch job submission failed: Unable to contact slurm controller (connect failure)", NO_CONTROLLER),
        ("squeue does not answer within 60 s", NO_CONTROLLER),
        ("resolve_ctls_from_dns_srv: res_nsearch error: Unknown host", NO_CONFIGURATION),
        ("Batch job submission failed: Socket timed out on send/recv operation", NO_CONTROLLER),
        ("Batch job submission failed: Slurm backup controller in standby mode", NO_CONTROLLER),
        ("squeue: error: Invalid authentication credential", NOT_LET_IN),
        ("Batch job submission failed: Protocol authentication error", NOT_LET_IN),
        ("sbatch: error: Munge encode failed: Failed to access /run/munge/munge.socket.2", NOT_LET_IN),
    ],
)
def test_a_machine_without_a_way_to_slurm_hears_which_is_missing_and_what_slurm_said(said: str, cause: str) -> None:
    why = explain(said)
    assert why is not None
    assert cause in why
    assert f": {said}. " in why


@pytest.mark.parametrize(
    "said",
    [
        "invalid partition specified: lnog",
        "Invalid account",
        "not now",
        "Invalid --gpus-per-node, see gres in slurm.conf",
        "user munger is not in account lab",
    ],
)
def test_what_is_wrong_with_the_jobs_is_left_to_slurms_own_words(said: str) -> None:
    assert explain(said) is None


def test_programs_that_are_missing_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("srun", "squeue", "scancel"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    with pytest.raises(UsageError, match=r"^sbatch is not on this machine's PATH: .* where jobs are submitted"):
        check_programs()
    (tmp_path / "srun").unlink()
    with pytest.raises(UsageError, match=r"^sbatch, srun are not on this machine's PATH"):
        check_programs()
    for name in ("sbatch", "srun"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    check_programs()
