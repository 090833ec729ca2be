"""What measuring a cell goes through: a fraction of it says which stage is at work, wherever the cell runs."""

from __future__ import annotations

_BEFORE = ("loading the model", "evaluating")
_AFTER = ("evaluating", "counting FLOPs", "measuring memory")


def num_stages(steps: int) -> int:
    """Stages of a cell of so many steps, each of them a stage."""
    return len(_BEFORE) + steps + len(_AFTER)


def fraction_at(stage: int, steps: int) -> float:
    """What counts as done when stage number ``stage``, from 1, begins: more than 0, which says that none has yet."""
    return stage / (num_stages(steps) + 1)


def stage_at(fraction: float, steps: int) -> str:
    """What is at work: ``'step 3 of 16'``; empty before the first stage and behind the last."""
    stage = round(fraction * (num_stages(steps) + 1)) - 1
    if not 0 <= stage < num_stages(steps):
        return ""
    if stage < len(_BEFORE):
        return _BEFORE[stage]
    step = stage - len(_BEFORE) + 1
    return f"step {step} of {steps}" if step <= steps else _AFTER[step - steps - 1]
