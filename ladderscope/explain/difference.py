"""Why one step needs more memory than another: the difference of two trees, node by node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ladderscope.explain.tree import Kind, Node


@dataclass(frozen=True, slots=True)
class Difference:
    """A node of two trees; the children sum to it exactly, in each of the trees and so in their difference.

    Args:
        kind: what the name is of.
        name: of the node.
        a_bytes: of the first tree, 0 where it has no such node.
        b_bytes: of the second tree.
        repeats: how many blocks of the model the node stands for, in each tree.
        children: the largest difference first.
    """

    kind: Kind
    name: str
    a_bytes: int
    b_bytes: int
    repeats: tuple[int, int] = (1, 1)
    children: tuple[Difference, ...] = ()

    @property
    def num_bytes(self) -> int:
        """Bytes that the second needs beyond the first; negative where it needs fewer."""
        return self.b_bytes - self.a_bytes

    def to_json(self) -> dict[str, Any]:
        """The node and all below it as JSON values."""
        return {
            "kind": self.kind,
            "name": self.name,
            "a_bytes": self.a_bytes,
            "b_bytes": self.b_bytes,
            "difference_bytes": self.num_bytes,
            "repeats": list(self.repeats),
            "children": [child.to_json() for child in self.children],
        }


def difference_of(a: Node, b: Node) -> Difference:
    """The tree of ``b`` minus ``a``, with every node that either has."""
    return _difference(a.kind, a.name, a, b)


def _difference(kind: Kind, name: str, a: Node | None, b: Node | None) -> Difference:
    in_a, in_b = _children(a), _children(b)
    children = [_difference(*key, in_a.get(key), in_b.get(key)) for key in {**in_a, **in_b}]
    children.sort(key=lambda child: (-abs(child.num_bytes), -child.b_bytes, child.name))
    return Difference(
        kind,
        name,
        a.num_bytes if a else 0,
        b.num_bytes if b else 0,
        (a.repeats if a else 0, b.repeats if b else 0),
        tuple(children),
    )


def _children(node: Node | None) -> dict[tuple[Kind, str], Node]:
    return {(child.kind, child.name): child for child in node.children} if node else {}
