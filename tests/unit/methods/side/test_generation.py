"""Generation with a key-value cache: what comes out is what comes out without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from ladderscope.methods.side import LadderConfig, LSTConfig, QSTConfig, XLadderConfig

# Every method and every kind of attention once. Gemma 2's sliding window is shorter than what is read here.
PAIRS: list[Any] = [(LSTConfig, "gemma2"), (QSTConfig, "gpt2"), (LadderConfig, "llama"), (XLadderConfig, "gemma2")]
LENGTH = {"max_new_tokens": 6, "min_new_tokens": 6}
WAYS: dict[str, dict[str, Any]] = {
    "sampling": {"do_sample": True, "temperature": 1.5},
    "several samples": {"do_sample": True, "num_return_sequences": 3},
    "beam search": {"do_sample": False, "num_beams": 3},
    "several beams": {"do_sample": False, "num_beams": 3, "num_return_sequences": 2},
}
KINDS_OF_CACHE: dict[str, dict[str, Any]] = {
    "static": {"cache_implementation": "static", "disable_compile": True},
    "filled in chunks": {"prefill_chunk_size": 4},
}

Generate = Callable[..., Tensor]


@pytest.fixture
def trained(tuned: Callable[..., Any], train: Callable[..., list[float]], token_ids: Tensor) -> Callable[..., Any]:
    def make(make_config: Any = LadderConfig, model_type: str = "llama") -> Any:
        model = tuned(make_config, model_type)
        train(model, token_ids, steps=3, lr=3e-2)
        return model

    return make


@pytest.fixture
def generate(token_ids: Tensor) -> Generate:
    """Continues a batch whose first row is padded on the left; always from the same seed."""
    ids, mask = token_ids.clone(), torch.ones_like(token_ids)
    ids[0, :5] = mask[0, :5] = 0

    def run(model: Any, **settings: Any) -> Tensor:
        torch.manual_seed(0)
        out: Tensor = model.generate(input_ids=ids, attention_mask=mask, **LENGTH, **settings)
        return out

    return run


@pytest.mark.parametrize(("make_config", "model_type"), PAIRS)
class TestSameTokensAsWithoutACache:
    def test_in_every_way_of_generating(
        self, make_config: Any, model_type: str, trained: Callable[..., Any], generate: Generate
    ) -> None:
        model = trained(make_config, model_type)
        for name, way in WAYS.items():
            assert torch.equal(generate(model, **way), generate(model, use_cache=False, **way)), name

    def test_with_every_kind_of_cache(
        self, make_config: Any, model_type: str, trained: Callable[..., Any], generate: Generate
    ) -> None:
        model = trained(make_config, model_type)
        expected = generate(model, use_cache=False, do_sample=False)
        for name, kind in KINDS_OF_CACHE.items():
            assert torch.equal(generate(model, do_sample=False, **kind), expected), name

    def test_from_a_cache_that_was_returned(
        self,
        make_config: Any,
        model_type: str,
        trained: Callable[..., Any],
        logits: Callable[..., Tensor],
        token_ids: Tensor,
    ) -> None:
        model = trained(make_config, model_type)
        with torch.no_grad():
            cache = model(input_ids=token_ids[:, :10], use_cache=True).past_key_values
            after = model(input_ids=token_ids[:, 10:], past_key_values=cache, use_cache=True).logits
        torch.testing.assert_close(after, logits(model, token_ids)[:, 10:], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("model_type", ["llama", "gemma2"])
@pytest.mark.parametrize("proposer", ["another model", "the prompt"])
def test_assisted_decoding_takes_back_tokens_from_the_side_cache_too(
    model_type: str,
    proposer: str,
    trained: Callable[..., Any],
    backbone: Callable[..., Any],
    token_ids: Tensor,
) -> None:
    model = trained(LadderConfig, model_type)
    ways = {"the prompt": {"prompt_lookup_num_tokens": 3}, "another model": {"assistant_model": backbone(model_type)}}
    settings = {"input_ids": token_ids[:1], "do_sample": False, **LENGTH}
    assert torch.equal(model.generate(**settings, **ways[proposer]), model.generate(**settings, use_cache=False))


def test_a_finished_generation_goes_on_from_its_cache(trained: Callable[..., Any], token_ids: Tensor) -> None:
    model, settings = trained(), {"do_sample": False, **LENGTH}
    first = model.generate(input_ids=token_ids[:1], return_dict_in_generate=True, **settings)
    going_on = model.generate(input_ids=first.sequences, past_key_values=first.past_key_values, **settings)
    assert torch.equal(going_on, model.generate(input_ids=first.sequences, use_cache=False, **settings))


class TestACacheThatMissesTheAdaptersTokensIsRefused:
    def test_filled_with_the_adapter_off(self, trained: Callable[..., Any], token_ids: Tensor) -> None:
        model = trained()
        with model.disable_adapter():
            cache = model(input_ids=token_ids[:, :10], use_cache=True).past_key_values
        with pytest.raises(ValueError, match="filled without the adapter 'default'"):
            model(input_ids=token_ids[:, 10:], past_key_values=cache)

    def test_filled_with_the_adapter_off_in_part(self, trained: Callable[..., Any], token_ids: Tensor) -> None:
        model = trained()
        cache = model(input_ids=token_ids[:, :6], use_cache=True).past_key_values
        with model.disable_adapter():
            model(input_ids=token_ids[:, 6:10], past_key_values=cache)
        with pytest.raises(ValueError, match="filled without the adapter 'default'"):
            model(input_ids=token_ids[:, 10:], past_key_values=cache)

    def test_filled_by_another_adapter(self, trained: Callable[..., Any], token_ids: Tensor) -> None:
        model = trained()
        cache = model(input_ids=token_ids[:, :10], use_cache=True).past_key_values
        model.add_adapter("second", LadderConfig(reduction_factor=2))
        model.set_adapter("second")
        with pytest.raises(ValueError, match="filled without the adapter 'second'"):
            model(input_ids=token_ids[:, 10:], past_key_values=cache)

    def test_a_pass_that_failed_leaves_the_next_one_whole(
        self, trained: Callable[..., Any], logits: Callable[..., Tensor], token_ids: Tensor
    ) -> None:
        model = trained()
        expected = logits(model, token_ids)
        self.test_filled_with_the_adapter_off(lambda: model, token_ids)
        assert torch.equal(logits(model, token_ids), expected)
