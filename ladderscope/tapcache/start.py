"""What a side network starts from and cannot be made again without the backbone."""

from __future__ import annotations

import os
from pathlib import Path

from ladderscope.methods.side.network import SideNetwork
from ladderscope.methods.side.projection import PrincipalProjection
from ladderscope.tapcache.key import starts_from_backbone


def save_start(network: SideNetwork, path: Path) -> None:
    """Write the frozen projections, and side blocks that were cut out of the backbone's with their downsamplers.

    Raises:
        ValueError: principal directions that no data has decided yet.
    """
    from safetensors.torch import save_file

    projections = network.projections.values()
    if any(isinstance(each, PrincipalProjection) and not each.is_fitted for each in projections):
        raise ValueError("the principal directions of the taps are not found yet: call calibrate() before fill()")
    state = {
        name: value.detach().cpu().contiguous()
        for name, value in network.state_dict().items()
        if name.startswith(_kept(network))
    }
    temporary = path.with_name(f".{path.name}.tmp")
    save_file(state, temporary)
    os.replace(temporary, path)


def load_start(network: SideNetwork, path: Path) -> None:
    """Give ``network`` what :func:`save_start` kept.

    Raises:
        ValueError: it belongs to another network.
    """
    from safetensors.torch import load_file

    state = load_file(path)
    missing, unexpected = network.load_state_dict(state, strict=False)
    if unexpected or any(name.startswith(_kept(network)) for name in missing):
        raise ValueError(f"{path} belongs to another side network: delete the folder, and fill it again")


def _kept(network: SideNetwork) -> tuple[str, ...]:
    kept = ["projections."]
    if starts_from_backbone(network.config):
        kept.append("blocks.")
    if network.config.init == "sliced":
        kept.append("downsamples.")
    return tuple(kept)
