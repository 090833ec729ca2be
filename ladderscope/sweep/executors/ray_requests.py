"""What cells ask of a Ray cluster, held against its nodes: for what none of them has Ray waits without a word."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ladderscope.errors import UsageError
from ladderscope.sweep.executors.ray_options import RayOptions
from ladderscope.sweep.protocol import Job
from ladderscope.units import counted, format_bytes

GPU_TYPE = "ray.io/accelerator-type"
"""Ray's label of nodes."""
Node = Mapping[str, Any]
"""Of ``ray.nodes()``."""
Needed = Mapping[str, Any]
"""Options of a task, as ``ray_cluster.task_options`` makes them."""
_LABELS_SHOWN = 3


def check_requests(
    ray: Any, requests: Iterable[tuple[Job, Needed]], options: RayOptions, say: Callable[[str], None]
) -> None:
    """Say which cells wait for a node that the cluster does not have; a cluster may get one.

    Args:
        ray: connected.
        requests: all jobs of the sweep, and what each asks for.
        options: of the executor.
        say: prints a line.

    Raises:
        UsageError: the cluster was started here, and never gets a node.
    """
    nodes = living_nodes(ray)
    for needed, jobs in _alike(requests):
        if any(all(has(node) for _, has, _ in _wishes(needed)) for node in nodes):
            continue
        if options.address == "local":
            raise UsageError(
                f"the Ray cluster that --ray-address local starts has no node with {_lacks(needed, nodes)}, which "
                f"{counted(len(jobs), 'cell')} asked for: ask for less, or give the address of a cluster that has it."
            )
        wait = "1 cell waits" if len(jobs) == 1 else f"{len(jobs)} cells wait"
        say(f"{wait} until the Ray cluster gets a node with {_lacks(needed, nodes)}: {_labels(jobs)}.")


def living_nodes(ray: Any) -> list[Node]:
    """The nodes that the cluster has now."""
    return [node for node in ray.nodes() if node["Alive"]]


def type_of(node: Node) -> str | None:
    """The node's type of GPU, by Ray's name; None where it does not tell."""
    found: str | None = node["Labels"].get(GPU_TYPE)
    return found


def selector_of(types: Sequence[str]) -> dict[str, str]:
    """Of a task: any of these types of GPU."""
    return {GPU_TYPE: f"in({','.join(types)})"}


def _types_in(needed: Needed) -> list[str]:
    selector: str = needed.get("label_selector", {}).get(GPU_TYPE, "")
    return selector.removeprefix("in(").removesuffix(")").split(",") if selector else []


def _alike(requests: Iterable[tuple[Job, Needed]]) -> Iterator[tuple[Needed, list[Job]]]:
    """The jobs by what they ask for: thousands ask for the same."""
    found: dict[tuple[object, ...], tuple[Needed, list[Job]]] = {}
    for job, needed in requests:
        key = (needed["num_cpus"], needed["memory"], needed.get("num_gpus"), *_types_in(needed))
        found.setdefault(key, (needed, []))[1].append(job)
    yield from found.values()


Wish = tuple[str, Callable[[Node], bool], Callable[[Sequence[Node]], str]]
"""What is asked for in words, whether a node has it, and what the nodes have in its place."""


def _wishes(needed: Needed) -> list[Wish]:
    cores, memory, gpus = needed["num_cpus"], needed["memory"], needed.get("num_gpus", 0)
    wishes: list[Wish] = [
        (counted(cores, "core"), lambda node: _has(node, "CPU") >= cores, _most("CPU", "{:g}".format)),
        (f"{format_bytes(memory)} of memory", lambda n: _has(n, "memory") >= memory, _most("memory", format_bytes)),
    ]
    words = "a GPU" if gpus == 1 else f"{gpus} GPUs"
    if types := _types_in(needed):
        of_type = f"{words} of type {' or '.join(types)}"
        wishes.append((of_type, lambda node: _has(node, "GPU") >= gpus and type_of(node) in types, _types_there))
    elif gpus:
        wishes.append((words, lambda node: _has(node, "GPU") >= gpus, _gpus_there))
    return wishes


def _lacks(needed: Needed, nodes: Sequence[Node]) -> str:
    """What no node has; where every single wish is met by some node, all of them, which none has together."""
    wishes = _wishes(needed)
    missing = [f"{words} ({there(nodes)})" for words, has, there in wishes if not any(map(has, nodes))]
    return " and ".join(missing or [words for words, _, _ in wishes])


def _has(node: Node, resource: str) -> float:
    found: float = node["Resources"].get(resource, 0)
    return found


def _most(resource: str, text: Callable[[float], str]) -> Callable[[Sequence[Node]], str]:
    return lambda nodes: f"the most that one has is {text(max((_has(node, resource) for node in nodes), default=0))}"


def _gpus_there(nodes: Sequence[Node]) -> str:
    return _most("GPU", "{:g}".format)(nodes) if any(_has(node, "GPU") for node in nodes) else "none has any"


def _types_there(nodes: Sequence[Node]) -> str:
    with_gpu = [node for node in nodes if _has(node, "GPU")]
    most = max((_has(node, "GPU") for node in with_gpu), default=0)
    found = sorted({kind for node in with_gpu if (kind := type_of(node)) is not None})
    if not found:
        return "none says its type" if with_gpu else "none has any"
    return f"they have {', '.join(found)}" + (f", up to {most:g} on a node" if most > 1 else "")


def _labels(jobs: Sequence[Job]) -> str:
    shown = [job.cell.label for job in jobs[:_LABELS_SHOWN]]
    more = len(jobs) - len(shown)
    return "; ".join([*shown, counted(more, "other")] if more else shown)
