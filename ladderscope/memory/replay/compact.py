"""The compact form of a memory history: what the allocator did, without frames, as JSON.

``{"events": [[action, address, size, stream], ...], "final_segments": [...], "allocator_settings": {...} or null}``;
a segment has ``address``, ``total_size``, ``segment_type``, ``stream`` and ``blocks`` as in PyTorch's snapshots.
``"about"`` may say what was recorded, which a replay has no need to know; ``"predicted_by"`` says that nothing was.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ladderscope.memory.allocator.config import AllocatorConfig
from ladderscope.memory.allocator.layout import BlockLayout, SegmentLayout
from ladderscope.memory.replay.pytorch import segment_from
from ladderscope.memory.replay.trace import PREDICTED_BY, Trace, TraceEvent
from ladderscope.whole_files import write_bytes_atomically


def compact_trace(name: str, document: dict[str, Any]) -> Trace:
    """The trace in a compact document; KeyError, TypeError or ValueError where it is none."""
    return Trace(
        name=name,
        device=0,
        events=[
            TraceEvent(str(action), int(address), int(size), int(stream))
            for action, address, size, stream in document["events"]
        ],
        final_segments=[segment_from(segment, segment["stream"]) for segment in document["final_segments"]],
        config=AllocatorConfig.from_settings(document.get("allocator_settings")),
        is_predicted=PREDICTED_BY in document,
    )


def write_compact(path: Path, trace: Trace, about: Mapping[str, Any]) -> None:
    """Write ``trace`` to ``path``, gzipped; the same bytes for the same trace.

    Args:
        path: of the file, ``.json.gz``; its folders are made.
        trace: a history. That a block was asked to be freed is left out: the allocator acts when it is free.
        about: JSON values that say what was recorded.
    """
    document = {
        "about": dict(about),
        "events": [list(event) for event in trace.events if event.action != "free_requested"],
        "final_segments": [_segment(segment) for segment in trace.final_segments],
        "allocator_settings": trace.config.to_settings(),
        **({PREDICTED_BY: "ladderscope"} if trace.is_predicted else {}),
    }
    write_bytes_atomically(path, gzip.compress(json.dumps(document, separators=(",", ":")).encode(), mtime=0))


def read_about(path: Path) -> dict[str, Any]:
    """What :func:`write_compact` was told of the history in ``path``; empty where it was told nothing."""
    about: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes())).get("about", {})
    return about


def _segment(segment: SegmentLayout) -> dict[str, Any]:
    return {
        "address": segment.address,
        "total_size": segment.total_size,
        "segment_type": "small" if segment.is_small else "large",
        "stream": segment.stream,
        "is_expandable": segment.is_expandable,
        "blocks": [_block(block) for block in segment.blocks],
    }


def _block(block: BlockLayout) -> dict[str, Any]:
    return {"size": block.size, "requested_size": block.requested_size, "state": block.state}
