"""Trees as lines of text: how far down they go, and what is too small for a line of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from ladderscope.explain.difference import Difference
from ladderscope.explain.tree import Node

SMALL_SHARE = 0.01
"""Of the whole: smaller nodes share one line."""
_N = TypeVar("_N", Node, Difference)


@dataclass(frozen=True, slots=True)
class Line(Generic[_N]):
    """A line of a printed tree: ``stem`` draws the branch; several ``nodes`` are those too small to be shown alone."""

    stem: str
    nodes: tuple[_N, ...]

    @property
    def name(self) -> str:
        """What to call the line."""
        if len(self.nodes) > 1:
            if isinstance(self.nodes[0], Node):
                return f"{len(self.nodes)} smaller"
            differ = any(node.num_bytes for node in self.nodes)
            return f"{len(self.nodes)} that {'differ less' if differ else 'are alike'}"
        return _name(self.nodes[0])


def tree_lines(root: _N, depth: int) -> Iterator[Line[_N]]:
    """The root and what is up to ``depth`` levels below it; the lines of a level sum to their parent."""
    yield Line("", (root,))
    yield from _below(root, "", depth, _threshold(root))


def _threshold(root: _N) -> float:
    if isinstance(root, Difference):
        return SMALL_SHARE * sum(abs(child.num_bytes) for child in root.children)
    return SMALL_SHARE * root.num_bytes


def _below(node: _N, indent: str, depth: int, threshold: float) -> Iterator[Line[_N]]:
    if depth <= 0:
        return
    large: list[_N] = [child for child in node.children if _is_large(child, threshold)]
    small: tuple[_N, ...] = tuple(child for child in node.children if not _is_large(child, threshold))
    groups: list[tuple[_N, ...]] = [(child,) for child in large]
    if small:
        groups.append(small)
    for number, group in enumerate(groups, 1):
        is_last = number == len(groups)
        yield Line(indent + ("└ " if is_last else "├ "), group)
        if number <= len(large):
            yield from _below(group[0], indent + ("  " if is_last else "│ "), depth - 1, threshold)


def _is_large(node: Node | Difference, threshold: float) -> bool:
    # Categories are few, and each of them is an answer.
    return bool(node.num_bytes) and (node.kind == "category" or abs(node.num_bytes) >= threshold)


def _name(node: Node | Difference) -> str:
    name = node.name.replace("_", " ") if node.kind == "category" else node.name
    if isinstance(node, Node):
        return f"{name} (x{node.repeats})" if node.repeats > 1 else name
    counts = sorted(set(node.repeats) - {0})
    return f"{name} (x{', x'.join(map(str, counts))})" if counts[-1:] > [1] else name
