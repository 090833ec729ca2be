"""Compiled code runs eagerly, and the prediction says so."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ladderscope.memory.predict import predict_memory
from ladderscope.memory.predict.compiled import COMPILED, SCRIPTED
from ladderscope.memory.predict.refusals import UnpredictableError

GPU = "a100-80gb"


@torch.compile
def doubled(rows: torch.Tensor) -> torch.Tensor:
    return rows.sin() * 2


def test_a_function_that_was_compiled_before_runs_eagerly() -> None:
    with predict_memory(GPU) as trace:
        assert doubled(torch.ones(256, 1024, device="cuda")).is_cuda
    assert trace.peak_allocated_bytes == 3 * 2**20
    assert COMPILED in trace.rules.unverified


def test_a_model_that_is_compiled_inside_takes_what_it_takes_eagerly() -> None:
    def peak(compile_it: bool) -> tuple[int, bool]:
        with predict_memory(GPU) as trace:
            net = nn.Sequential(nn.Linear(64, 64), nn.GELU()).cuda()
            run = torch.compile(net, mode="reduce-overhead") if compile_it else net
            run(torch.randn(8, 64, device="cuda")).sum().backward()
        return trace.peak_allocated_bytes, COMPILED in trace.rules.unverified

    assert peak(compile_it=True) == (peak(compile_it=False)[0], True)


@pytest.mark.parametrize("world_size", [1, 2])
def test_rules_that_a_process_group_makes_the_compiler_forget_are_made_from_real_functions(world_size: int) -> None:
    from torch._dynamo import trace_rules

    with predict_memory(GPU, world_size=2):
        pass
    trace_rules.clear_lru_cache()

    with predict_memory(GPU, world_size=world_size):
        torch.compile(nn.Linear(8, 8).cuda())(torch.ones(2, 8, device="cuda"))

    assert torch.cuda.synchronize in trace_rules.get_torch_obj_rule_map()


def test_code_that_is_not_compiled_gets_no_such_note() -> None:
    with predict_memory(GPU) as trace:
        torch.ones(4, device="cuda").sin()
    assert COMPILED not in trace.rules.unverified


def test_a_module_that_is_scripted_inside_runs_as_it_is() -> None:
    with predict_memory(GPU) as trace:
        net = torch.jit.script(nn.Sequential(nn.Linear(8, 8), nn.ReLU())).cuda()
        assert net(torch.ones(2, 8, device="cuda")).is_cuda
    assert SCRIPTED in trace.rules.unverified


def test_a_module_that_was_scripted_before_is_refused() -> None:
    net = torch.jit.script(nn.Linear(8, 8))
    with (
        predict_memory(GPU),
        pytest.raises(UnpredictableError, match=r"does not follow modules of torch\.jit\.script"),
    ):
        net.cuda()(torch.ones(2, 8, device="cuda"))


def test_a_derivative_of_torch_func_is_followed() -> None:
    with predict_memory(GPU):
        net = nn.Linear(64, 64).cuda()
        weights = {name: weight.detach() for name, weight in net.named_parameters()}
        rows = torch.randn(8, 64, device="cuda")

        def loss(weights: dict[str, torch.Tensor], row: torch.Tensor) -> torch.Tensor:
            output: torch.Tensor = torch.func.functional_call(net, weights, (row,))
            return output.pow(2).mean()

        before = torch.cuda.memory_allocated()
        each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(weights, rows)
        assert each["weight"].shape == (8, 64, 64)
        assert each["weight"].device == torch.device("cuda", 0)
        assert torch.cuda.memory_allocated() - before >= 8 * 64 * 64 * 4
