"""A moment of a trace as a tree: category, then block of the model, then module, then operation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal, TypeVar

from ladderscope.memory.names import Place, place_of
from ladderscope.memory.predict.allocations import Allocation

Kind = Literal["peak", "category", "block", "module", "operation"]
_T = TypeVar("_T")
ROUNDING, WORKSPACE = "rounding", "workspace"


@dataclass(frozen=True, slots=True)
class Node:
    """A part of the allocated memory. The children of a node sum to it to the byte, where there are any.

    Args:
        kind: what the name is of.
        name: ``"activations"``, ``"model.layers.*"``, ``"mlp.gate_proj"``, ``"mm"``.
        num_bytes: that were asked for; what the allocator adds is the category ``rounding``.
        allocations: how many blocks of memory these are.
        repeats: how many of the model's blocks the node stands for, 1 where none are folded.
        children: the largest first.
    """

    kind: Kind
    name: str
    num_bytes: int
    allocations: int
    repeats: int = 1
    children: tuple[Node, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The node and all below it as JSON values."""
        return {
            "kind": self.kind,
            "name": self.name,
            "bytes": self.num_bytes,
            "allocations": self.allocations,
            "repeats": self.repeats,
            "children": [child.to_json() for child in self.children],
        }


def memory_tree(live: Iterable[Allocation]) -> Node:
    """The tree of the blocks that are in use at a moment.

    Args:
        live: of :class:`~ladderscope.memory.predict.trace.Moment`.

    Returns:
        The root, whose bytes are all that is allocated.
    """
    entries = [(allocation, place_of(allocation.module)) for allocation in live]
    children = [_category(name, members) for name, members in _grouped(entries, lambda entry: entry[0].category)]
    rounding = sum(allocation.block_bytes - allocation.num_bytes for allocation, _ in entries)
    if rounding:
        rounded = sum(allocation.block_bytes != allocation.num_bytes for allocation, _ in entries)
        children.append(Node("category", ROUNDING, rounding, rounded))
    return _parent("peak", "peak allocated", children, len(entries))


def cut(node: Node, depth: int) -> Node:
    """The tree without what is more than ``depth`` levels below ``node``."""
    children = tuple(cut(child, depth - 1) for child in node.children) if depth > 0 else ()
    return Node(node.kind, node.name, node.num_bytes, node.allocations, node.repeats, children)


_Entry = tuple[Allocation, Place]


def _category(name: str, entries: list[_Entry]) -> Node:
    if name == WORKSPACE:  # of the library's handle, whichever module happened to be the first to use it
        named = [(allocation, f"{allocation.operation}, {allocation.phase}") for allocation, _ in entries]
        children = _operations(named)
    else:
        children = [_block(block, members) for block, members in _grouped(entries, lambda entry: entry[1].block)]
    return _parent("category", name, children, len(entries))


def _block(name: str, entries: list[_Entry]) -> Node:
    children: list[Node] = []
    for module, members in _grouped(entries, lambda entry: entry[1].inside):
        operations = _operations([(allocation, allocation.operation) for allocation, _ in members])
        children += [_parent("module", module, operations, len(members))] if module else operations
    numbers = {place.number for _, place in entries}
    return _parent("block", name, children, len(entries), len(numbers))


def _operations(named: list[tuple[Allocation, str]]) -> list[Node]:
    return [
        Node("operation", name, sum(allocation.num_bytes for allocation, _ in members), len(members))
        for name, members in _grouped(named, lambda entry: entry[1])
    ]


def _parent(kind: Kind, name: str, children: list[Node], allocations: int, repeats: int = 1) -> Node:
    ordered = tuple(sorted(children, key=lambda child: (-child.num_bytes, child.name)))
    return Node(kind, name, sum(child.num_bytes for child in ordered), allocations, repeats, ordered)


def _grouped(entries: Iterable[_T], key: Callable[[_T], str]) -> list[tuple[str, list[_T]]]:
    return [(name, list(members)) for name, members in groupby(sorted(entries, key=key), key)]
