"""What the side-tuning methods have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from torch import nn

from ladderscope.methods._peft import attach
from ladderscope.methods.base import Method
from ladderscope.methods.settings import make_config
from ladderscope.records import Cell

_RESERVED = {
    "reduction_factor": "--reduction",
    "loss_impl": "--loss-impl",
    "target_modules": "nothing: the side network's place is found by structure",
}


def side_method(name: str, summary: str, default_lr: float, config_class: str, **method_fields: Any) -> Method:
    """A method of the family.

    Args:
        name: as on the command line.
        summary: one line for people.
        default_lr: learning rate where the user gives none.
        config_class: name of its preset in ``ladderscope.methods.side``, which is imported when it is needed.
        method_fields: further fields of the method.
    """

    def make(cell: Cell) -> Any:
        from ladderscope.methods import side

        fixed = {"reduction_factor": cell.reduction_factor}
        return make_config(getattr(side, config_class), fixed, cell.settings, _RESERVED)

    return Method(
        name=name,
        summary=summary,
        size="reduction_factor",
        quantizations=("nf4-dq", "nf4", "int8", "none"),
        default_lr=default_lr,
        config=make,
        build=_builder(make),
        prepare=_prepare,
        **method_fields,
    )


def _builder(make: Callable[[Cell], Any]) -> Callable[[nn.Module, Cell], nn.Module]:
    return lambda model, cell: attach(model, make(cell), cell.adapter_dtype)


def _prepare(model: nn.Module, batches: Iterable[Any]) -> None:
    from ladderscope.methods.side.calibration import calibrate, needs_calibration

    if needs_calibration(model):
        calibrate(model, batches)
