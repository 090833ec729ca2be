"""Side-tuning as PEFT methods. Importing this package registers them with PEFT."""

from ladderscope.methods.side.config import LadderConfig, SideConfig, XLadderConfig
from ladderscope.methods.side.layer import SideLayer
from ladderscope.methods.side.registration import register_side_methods
from ladderscope.methods.side.tuner import LadderModel, SideModel, XLadderModel

__all__ = ["LadderConfig", "LadderModel", "SideConfig", "SideLayer", "SideModel", "XLadderConfig", "XLadderModel"]

register_side_methods()
