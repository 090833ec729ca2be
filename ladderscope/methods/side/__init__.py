"""Side-tuning as PEFT methods. Importing this package registers them with PEFT."""

from ladderscope.methods.side.calibration import calibrate
from ladderscope.methods.side.config import SideConfig
from ladderscope.methods.side.layer import SideLayer
from ladderscope.methods.side.presets import LadderConfig, LSTConfig, QSTConfig, XLadderConfig
from ladderscope.methods.side.registration import register_side_methods
from ladderscope.methods.side.tuner import SideModel

__all__ = [
    "LSTConfig",
    "LadderConfig",
    "QSTConfig",
    "SideConfig",
    "SideLayer",
    "SideModel",
    "XLadderConfig",
    "calibrate",
]

register_side_methods()
