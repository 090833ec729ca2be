"""What a model name given by a user stands for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ladderscope.backbones.catalogue import architecture_config, catalogue_names
from ladderscope.errors import UnknownNameError, UsageError

SMOLLM2 = "smollm2-135m"
RANDOM_PREFIX = "random:"

Kind = Literal["wheel", "random", "folder", "hub"]


@dataclass(frozen=True)
class BackboneName:
    """A resolved model name: where the backbone comes from, and what to look up there."""

    kind: Kind
    source: str

    @property
    def has_tokenizer(self) -> bool:
        """Whether text can be turned into this backbone's tokens."""
        return self.kind != "random"


def resolve_name(name: str) -> BackboneName:
    """Tell a packaged model, ``random:<architecture>``, a local folder and a hub name apart.

    Raises:
        UnknownNameError: neither; the nearest name is proposed.
        UsageError: a folder without a ``config.json``.
    """
    if name == SMOLLM2:
        return BackboneName("wheel", name)
    if name.startswith(RANDOM_PREFIX):
        architecture = name.removeprefix(RANDOM_PREFIX)
        if architecture not in catalogue_names():
            raise UnknownNameError("model", name, [RANDOM_PREFIX + known for known in catalogue_names()])
        return BackboneName("random", architecture)
    if Path(name).expanduser().is_dir():
        if not (Path(name).expanduser() / "config.json").is_file():
            raise UsageError(f"the folder {name} holds no config.json: give a folder that save_pretrained() wrote.")
        return BackboneName("folder", str(Path(name).expanduser()))
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        return BackboneName("hub", name)
    raise UnknownNameError("model", name, [SMOLLM2, *(RANDOM_PREFIX + known for known in catalogue_names())])


def backbone_config(name: BackboneName) -> Any:
    """The transformers config of a backbone, without loading its weights.

    Raises:
        UsageError: a folder or hub model whose config cannot be read.
    """
    if name.kind in ("wheel", "random"):
        return architecture_config(name.source)
    from huggingface_hub.errors import StrictDataclassError
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(name.source)
    except (OSError, ValueError, StrictDataclassError) as error:
        raise UsageError(f"cannot load the model {name.source}: {_first_sentence(error)}") from error


def _first_sentence(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
