"""Which recordings become test data of the project: as many as a few MiB hold, those of the headline first."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ladderscope.units import MIB
from studies.gpu_validation.headline import is_headline
from studies.gpu_validation.recorded import recordings_in
from studies.gpu_validation.recordings import Recording

MOST_BYTES = 5 * MIB
"""Of all recordings of all GPUs together."""


@dataclass(frozen=True)
class Kept:
    """Recordings that are kept, by name, and those that there is no room for, largest first."""

    kept: list[Path]
    left_out: list[Path]


def choose(recordings: Sequence[Recording], most_bytes: int) -> Kept:
    """Those that fit: of the headline's cells first, small before large, so that most cells are in."""
    size_of = {recording.path: recording.path.stat().st_size for recording in recordings}
    order = sorted(recordings, key=lambda one: (not is_headline(one.cell), size_of[one.path], one.path.name))
    kept, left_out, room = [], [], most_bytes
    for recording in order:
        if size_of[recording.path] <= room:
            kept.append(recording.path)
            room -= size_of[recording.path]
        else:
            left_out.append(recording.path)
    return Kept(sorted(kept), sorted(left_out, key=lambda path: -size_of[path]))


def keep(recordings: Sequence[Recording], folder: Path, hardware: str, most_bytes: int = MOST_BYTES) -> Kept:
    """Copy what fits to ``folder/hardware``, beside what ``folder`` holds of other hardware.

    Files of the same name are replaced; others of this hardware stay, and count.
    """
    target = folder / hardware
    new = {target / recording.path.name for recording in recordings}
    there = sum(path.stat().st_size for path in recordings_in(folder) if path not in new)
    chosen = choose(recordings, most_bytes - there)
    for path in chosen.left_out:
        (target / path.name).unlink(missing_ok=True)  # of an earlier publication, and no longer what was measured
    for path in chosen.kept:
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / path.name)
    return chosen
