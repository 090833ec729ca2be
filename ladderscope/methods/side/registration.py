"""Makes PEFT know the side-tuning family.

PEFT's ``register_peft_method`` refuses names that are not in its own enum, so the three public mappings behind it
are written directly. ``peft_type`` is then a plain string, which the enum (a string enum) hashes like.
"""

from __future__ import annotations

from peft import PeftConfig
from peft.mapping import (
    PEFT_TYPE_TO_CONFIG_MAPPING,
    PEFT_TYPE_TO_PREFIX_MAPPING,
    PEFT_TYPE_TO_TUNER_MAPPING,
)

from ladderscope.methods.side.presets import LadderConfig, LSTConfig, QSTConfig, XLadderConfig
from ladderscope.methods.side.tuner import LadderModel, LSTModel, QSTModel, SideModel, XLadderModel

_FAMILY: dict[str, tuple[type[PeftConfig], type[SideModel]]] = {
    "LST": (LSTConfig, LSTModel),
    "QST": (QSTConfig, QSTModel),
    "LADDER": (LadderConfig, LadderModel),
    "XLADDER": (XLadderConfig, XLadderModel),
}


def register_side_methods() -> None:
    """Enter the family into PEFT's mappings; a name that PEFT has by then is left to PEFT."""
    for name, (config_class, tuner_class) in _FAMILY.items():
        if name not in PEFT_TYPE_TO_CONFIG_MAPPING:
            PEFT_TYPE_TO_CONFIG_MAPPING[name] = config_class
            PEFT_TYPE_TO_TUNER_MAPPING[name] = tuner_class
            PEFT_TYPE_TO_PREFIX_MAPPING[name] = tuner_class.prefix
