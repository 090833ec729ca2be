"""What takes the memory of a training step, and why one step needs more than another: traces as trees of bytes."""

from ladderscope.explain.difference import Difference, difference_of
from ladderscope.explain.tree import Node, memory_tree

__all__ = ["Difference", "Node", "difference_of", "memory_tree"]
