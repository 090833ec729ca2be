"""Every tuner of PEFT, with what it cannot do without on a decoder-only language model."""

from __future__ import annotations

import importlib.util
from typing import Any

from ladderscope.methods.peft_file import tuner_configs
from ladderscope.methods.settings import canonical_settings

VIRTUAL_TOKENS = 20

NEEDED: dict[str, dict[str, Any]] = {
    "adalora": {"total_step": 1000},
    "adaption_prompt": {"adapter_len": 10, "adapter_layers": 2},
    "cartridge": {"num_virtual_tokens": VIRTUAL_TOKENS},
    "cpt": {
        "cpt_token_ids": list(range(VIRTUAL_TOKENS)),
        "cpt_mask": [1] * VIRTUAL_TOKENS,
        "cpt_tokens_type_mask": [1, 2, 3, 4] * (VIRTUAL_TOKENS // 4),
        "num_virtual_tokens": VIRTUAL_TOKENS,
    },
    "multitask_prompt_tuning": {"num_virtual_tokens": VIRTUAL_TOKENS},
    "p_tuning": {"num_virtual_tokens": VIRTUAL_TOKENS, "encoder_hidden_size": 128},
    "prefix_tuning": {"num_virtual_tokens": VIRTUAL_TOKENS},
    "prompt_tuning": {"num_virtual_tokens": VIRTUAL_TOKENS},
    "trainable_tokens": {"token_indices": [0, 1, 2]},
}
"""Fields without a default that serves; all others keep PEFT's."""

DEFAULTS = frozenset(
    [
        "adamss",
        "beft",
        "boft",
        "c3a",
        "deft",
        "delora",
        "fourierft",
        "frod",
        "glora",
        "gralora",
        "hira",
        "hra",
        "ia3",
        "lily",
        "ln_tuning",
        "loha",
        "lokr",
        "lora",
        "miss",
        "oft",
        "osf",
        "peanut",
        "poly",
        "psoft",
        "pvera",
        "randlora",
        "road",
        "shadow",
        "shira",
        "supertuning",
        "tinylora",
        "unilora",
        "vblora",
        "vera",
        "waveft",
    ]
)
"""Tuners that need nothing."""

NEEDS_ADAPTERS = frozenset(["xlora"])
"""Tuners that mix LoRA adapters trained before; see ``adapters.py``."""

KNOWN = frozenset(NEEDED) | DEFAULTS | NEEDS_ADAPTERS

_NEEDS = {"adamss": ("sklearn", "it clusters weights with scikit-learn, which is not installed")}


def rows() -> list[str]:
    """The tuners of the installed PEFT that this study has a configuration for."""
    return sorted(set(tuner_configs()) & KNOWN)


def unknown() -> list[str]:
    """The tuners of the installed PEFT that this study does not know."""
    return sorted(set(tuner_configs()) - KNOWN)


def missing_package(tuner: str) -> str | None:
    """Why a tuner cannot be used on this machine; None where it can."""
    package, reason = _NEEDS.get(tuner, (None, None))
    return reason if package is not None and importlib.util.find_spec(package) is None else None


def settings(tuner: str, **fields: Any) -> str:
    """Settings of a cell: what the tuner needs, and ``fields`` over it."""
    return canonical_settings({**NEEDED.get(tuner, {}), **fields})
