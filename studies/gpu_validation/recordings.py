"""A recorded step: its allocator history, what it was of, and the prediction of the same cell."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.memory.predict import MemoryTrace
from ladderscope.memory.replay import read_traces
from ladderscope.memory.replay.trace import Trace
from ladderscope.predict import predict_cell
from ladderscope.records import Cell
from studies.gpu_validation.hardware import short_name

SUFFIX = ".json.gz"


@dataclass(frozen=True)
class Recording:
    """A file that ``run`` wrote: the history of the watched step and what is known of it.

    Args:
        path: of the file.
        trace: the history.
        cell: what was trained.
        gpu: as CUDA calls it.
        torch_version: and ``transformers_version``, of the process that was recorded; ``"2.11.0+cu130"``.
        peak_allocated_bytes: and ``peak_reserved_bytes``, of the step, by PyTorch's own statistics.
    """

    path: Path
    trace: Trace
    cell: Cell
    gpu: str
    torch_version: str
    transformers_version: str
    peak_allocated_bytes: int
    peak_reserved_bytes: int

    @property
    def name(self) -> str:
        """Of the file, without its ending."""
        return self.path.name.removesuffix(SUFFIX)

    def remark(self) -> str:
        """What differs between the software of the recording and this one's, in a sentence; empty if nothing does."""
        here = {"torch": torch.__version__, "transformers": transformers.__version__}
        there = {"torch": self.torch_version, "transformers": self.transformers_version}
        differing = [
            f"{name} {there[name]}, here {here[name]}"
            for name in here
            if there[name].split("+")[0] != here[name].split("+")[0]
        ]
        return f"Recorded with {'; '.join(differing)}: some differences may come from that." if differing else ""


def read_recording(path: Path) -> Recording:
    """The recording in a file.

    Raises:
        UsageError: it is no history, one of several devices, or does not say what it is of.
    """
    traces = read_traces(path)
    try:
        about = json.loads(_text(path))["about"]
        (trace,) = traces
        return Recording(
            path,
            trace,
            Cell.from_json(about["cell"]),
            str(about["gpu"]),
            str(about["torch"]),
            str(about["transformers"]),
            int(about["peak_allocated_bytes"]),
            int(about["peak_reserved_bytes"]),
        )
    except (UnicodeDecodeError, KeyError, TypeError, ValueError, UnknownNameError) as error:
        raise UsageError(
            f"{path} does not say which cell it is of: give a trace that studies.gpu_validation.run wrote."
        ) from error


def _text(path: Path) -> str:
    data: bytes = path.read_bytes()
    return (gzip.decompress(data) if path.name.endswith(".gz") else data).decode()


def predict_recording(recording: Recording) -> MemoryTrace:
    """The recorded cell on the simulated GPU, under the recording's version of PyTorch and settings of the allocator.

    Only the rules of the device follow that version: the Python code of PyTorch and transformers is the one here.

    Raises:
        UsageError: the GPU is in no table.
    """
    gpu = short_name(recording.gpu)
    if gpu is None:
        raise UsageError(
            f"{recording.path}: recorded on {recording.gpu}, which is not in gpus.yaml: add it there with this title."
        )
    settings: dict[str, Any] = {"torch_version": recording.torch_version, "counts_flops": False}
    return predict_cell(recording.cell, gpu, alloc_conf=recording.trace.config.to_text(), **settings).trace
