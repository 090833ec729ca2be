"""A worker process, seen from outside: jobs go in on its standard input, messages come out on its standard output."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ladderscope.sweep.protocol import Job

Tick = Callable[[float], None]
"""Told the fraction of the cell that is done."""


class WorkerProcess:
    """One process of ``ladderscope.sweep.worker``.

    Args:
        variables: of its environment, beside those of this process.
        arguments: on its command line.
    """

    def __init__(self, variables: Mapping[str, str], arguments: Sequence[str] = ()) -> None:
        environment = {**os.environ, "TOKENIZERS_PARALLELISM": "false", **variables}
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed by close)
        self._log_start = 0
        """Where the log of the latest job starts: a worker that predicts runs many."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ladderscope.sweep.worker", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=environment,
            cwd=Path.cwd(),
            start_new_session=True,  # Ctrl-C on the terminal is the sweep's to handle
        )

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    @property
    def returncode(self) -> int:
        """Exit code of the process, once it has ended; waits for that."""
        return self._process.wait()

    def run(self, job: Job, tick: Tick) -> dict[str, Any]:
        """Hand the job over and wait for its last message; empty, or some progress, where the process ended before."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # Not by seeking: the process writes where this file stands.
        self._log_start = os.fstat(self._log.fileno()).st_size
        with suppress(BrokenPipeError):
            self._process.stdin.write(job.to_line())
            self._process.stdin.flush()
        message: dict[str, Any] = {}
        for line in self._process.stdout:
            with suppress(ValueError):  # a line cut off by a kill
                message = json.loads(line)
                if "progress" not in message:
                    return message
                tick(message["progress"])
        return message

    def last_words(self) -> str:
        """The last line that the process, which has ended, wrote to standard error during its latest job."""
        self._log.seek(self._log_start)
        text = self._log.read().decode("utf-8", errors="replace")
        return (text.strip().splitlines() or ["it printed nothing"])[-1]

    def kill(self) -> None:
        """End it at once, with all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Let it leave, which it does when its input ends, and wait for that."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        self._process.wait()
        self._log.close()
