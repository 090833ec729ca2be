"""What measuring a cell goes through: a fraction of it says what is done of it, and which stage is at work.

It is told as far as there is a way for it: from a process of this machine, from rank 0 of a cell on several GPUs, and
about once a second from a task of Ray. A job of Slurm tells nothing but that it has begun.
"""

from __future__ import annotations

import math

_BEFORE = ("loading the model", "evaluating")
_AFTER = ("evaluating", "counting FLOPs", "measuring memory")
_BEGUN = 0.01
"""Of a stage that has just begun: next to nothing, but it tells that stage from the one before."""


def num_stages(steps: int) -> int:
    """Stages of a cell of so many steps, each of them a stage."""
    return len(_BEFORE) + steps + len(_AFTER)


def fraction_at(stage: int, steps: int) -> float:
    """What is done when stage number ``stage``, from 1, begins: the stages before it, and next to nothing of it."""
    return (stage - 1 + _BEGUN) / num_stages(steps)


def stage_at(fraction: float, steps: int) -> str:
    """What is at work: ``'step 3 of 16'``; empty before the first stage and behind the last."""
    if not 0 < fraction < 1:
        return ""
    stage = math.floor(fraction * num_stages(steps))
    if stage < len(_BEFORE):
        return _BEFORE[stage]
    step = stage - len(_BEFORE) + 1
    return f"step {step} of {steps}" if step <= steps else _AFTER[step - steps - 1]
