"""Synthetic runs on known laws. No number here is a measurement."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ladderscope.records import Cell, EvalLoss, Flops, Memory, Params, Record

RunFactory = Callable[..., Record]


@pytest.fixture
def make_run() -> RunFactory:
    return run


def run(
    *,
    method: str = "ladder",
    flops_per_step: int = 10**12,
    steps: int = 30,
    seed: int = 0,
    law: tuple[float, float, float] = (1.2, 0.9, 0.4),
    noise: float = 0.0,
    run_noise: float = 0.0,
    seq_len: int = 256,
    peak_bytes: int = 10**9,
    meter: str = "cpu",
) -> Record:
    """A run whose loss is E + B (C / 1e12)^-lambda with lognormal noise per step and per run."""
    offset, scale, exponent = law
    rng = np.random.default_rng([seed, flops_per_step % 2**31])
    compute = flops_per_step * np.arange(1, steps + 1)
    loss = (offset + scale * (compute / 1e12) ** -exponent) * np.exp(
        rng.normal(0, noise, steps) + rng.normal(0, run_noise)
    )
    return Record(
        cell=Cell(model="smollm2-135m", method=method, seq_len=seq_len, seed=seed, steps=steps),
        meter=meter,
        status="ok",
        weights="pretrained",
        memory=Memory(
            peak_allocated_bytes=peak_bytes,
            peak_reserved_bytes=None,
            peak_rss_bytes=None,
            breakdown_bytes={"weights": peak_bytes},
        ),
        params=Params(trainable=1_000_000, total=135_000_000),
        flops=Flops(per_step=flops_per_step, per_token=1.0, by_component={"head": flops_per_step}),
        loss=loss.tolist(),
        eval_loss=EvalLoss(before=2.3, after=float(loss[-1])),
        tokens_per_step=seq_len,
    )
