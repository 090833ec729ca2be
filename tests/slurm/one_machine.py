"""A real Slurm of one machine, for as long as a ``with`` block: munged, slurmctld and slurmd in a folder of their own.

Needs root and Debian's slurmctld, slurmd, slurm-client and munge. There is no accounting, so sacct fails here, as it
does on clusters without slurmdbd.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CONF = """
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld_port}
SlurmdPort={slurmd_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
AccountingStorageType=accounting_storage/none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=cells Nodes=node1 Default=YES MaxTime=60 State=UP
"""


@contextmanager
def one_machine(folder: Path) -> Iterator[None]:
    """Inside, Slurm's programs find the cluster, through SLURM_CONF; ``folder`` takes its state and logs."""
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    key, conf = folder / "munge.key", folder / "slurm.conf"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o400)
    host, cpus = socket.gethostname().split(".")[0], os.cpu_count()
    ctld_port, slurmd_port = _free_ports(2)
    conf.write_text(_CONF.format(folder=folder, host=host, cpus=cpus, ctld_port=ctld_port, slurmd_port=slurmd_port))
    os.environ["SLURM_CONF"] = str(conf)
    munge = ["munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket"]
    munge += [f"--pid-file={folder}/munged.pid", f"--log-file={folder}/munged.log", f"--seed-file={folder}/munge.seed"]
    daemons: list[subprocess.Popen[bytes]] = []
    try:
        for command in (munge, ["slurmctld", "-D"], ["slurmd", "-D", "-N", "node1"]):
            daemons.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            time.sleep(1)
        _wait_until_idle()
        yield
    finally:
        # Jobs would outlive the daemons.
        subprocess.run(["scancel", "--me"], check=False, capture_output=True, timeout=60)
        time.sleep(2)
        for daemon in reversed(daemons):
            daemon.terminate()
            daemon.wait()


def _wait_until_idle(seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while subprocess.run(["sinfo", "-h", "-o", "%T"], capture_output=True, text=True, check=False).stdout != "idle\n":
        if time.monotonic() > deadline:
            raise SystemExit("Slurm does not start: see slurmctld.log and slurmd.log.")
        time.sleep(0.5)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
