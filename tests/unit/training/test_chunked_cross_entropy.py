"""The cross-entropy in chunks, against plain autograd on all logits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import bitsandbytes as bnb
import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ladderscope.training.chunked_cross_entropy import linear_cross_entropy_in_chunks

TOKENS, HIDDEN, VOCAB, CHUNK = 70, 24, 131, 16  # the last chunk is not full

RULES: dict[str, dict[str, Any]] = {
    "plain": {},
    "scaled": {"scale": 0.3},
    "capped": {"softcap": 1.5},
    "scaled and capped": {"scale": 2.0, "softcap": 1.5},
}


def make_inputs(
    tokens: int = TOKENS, bias: bool = False, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, nn.Linear, Tensor]:
    """Hidden states, a head whose logits spread over several nats, and labels of which a third are ignored."""
    torch.manual_seed(0)
    hidden = torch.randn(tokens, HIDDEN, dtype=dtype, requires_grad=True)
    head = nn.Linear(HIDDEN, VOCAB, bias=bias, dtype=dtype)
    nn.init.normal_(head.weight, std=0.5)
    labels = torch.randint(VOCAB, (tokens,)).masked_fill(torch.rand(tokens) < 1 / 3, -100)
    return hidden, head, labels


def plain_loss(
    hidden: Tensor, head: Callable[[Tensor], Tensor], labels: Tensor, scale: float = 1.0, softcap: float | None = None
) -> Tensor:
    logits = head(hidden)
    logits = (logits.double() if logits.dtype == torch.float64 else logits.float()) * scale
    if softcap is not None:
        logits = torch.tanh(logits / softcap) * softcap
    return nn.functional.cross_entropy(logits, labels, reduction="sum")


def assert_same(actual: Tensor, expected: Tensor, relative: float = 1e-5) -> None:
    assert actual.dtype == expected.dtype
    difference = torch.linalg.vector_norm((actual - expected).double())
    assert difference <= relative * torch.linalg.vector_norm(expected.double())


def assert_same_as_plain(hidden: Tensor, head: nn.Module, labels: Tensor, relative: float = 1e-5, **rule: Any) -> None:
    """Value and gradients of all that requires one, under another gradient than one."""
    inputs = [tensor for tensor in (hidden, *head.parameters()) if tensor.requires_grad]
    expected = plain_loss(hidden, head, labels, **rule)
    actual = linear_cross_entropy_in_chunks(hidden, head, labels, chunk_tokens=CHUNK, **rule)
    assert_same(actual, expected, relative)
    pairs = zip(torch.autograd.grad(0.37 * actual, inputs), torch.autograd.grad(0.37 * expected, inputs), strict=True)
    for gradient, plain in pairs:
        assert_same(gradient, plain, relative)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("tokens", [1, CHUNK - 1, 2 * CHUNK, TOKENS])
def test_value_and_gradients_are_those_of_all_logits_at_once(tokens: int, bias: bool, rule: dict[str, Any]) -> None:
    hidden, head, labels = make_inputs(tokens, bias)
    labels[0] = 3
    assert_same_as_plain(hidden, head, labels, **rule)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_gradients_are_those_of_finite_differences(rule: dict[str, Any]) -> None:
    torch.manual_seed(0)

    def make(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, requires_grad=True)

    labels = torch.tensor([1, -100, 4, 0, 2])

    def loss(hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return linear_cross_entropy_in_chunks(hidden, weight, labels, bias=bias, chunk_tokens=2, **rule)

    assert torch.autograd.gradcheck(loss, (make(5, 3), make(6, 3), make(6)))


@pytest.mark.parametrize("trained", ["hidden", "weight", "bias"])
def test_a_gradient_is_computed_and_kept_for_what_is_trained_only(trained: str) -> None:
    hidden, head, labels = make_inputs(bias=True)
    tensors = {"hidden": hidden, "weight": head.weight, "bias": head.bias}
    for name, tensor in tensors.items():
        tensor.requires_grad_(name == trained)
    assert_same_as_plain(hidden, head, labels)
    with Products() as products:
        loss: Any = linear_cross_entropy_in_chunks(hidden, head, labels, chunk_tokens=CHUNK)
    kept = dict(zip(tensors, loss.grad_fn.saved_tensors, strict=True))
    assert [name for name, gradient in kept.items() if gradient is not None] == [trained]
    with products:
        loss.backward()
    chunks = -(-TOKENS // CHUNK)
    assert products.count == chunks * {"hidden": 2, "weight": 2, "bias": 1}[trained]


class Products(TorchDispatchMode):
    """Counts matrix products."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        self.count += func._overloadpacket in (torch.ops.aten.mm, torch.ops.aten.addmm)
        return func(*args, **(kwargs or {}))


class Storages(TorchDispatchMode):
    """Keeps every tensor that comes out of an operation, so that no address is used twice."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.tensors: list[Tensor] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        self.tensors += [leaf.detach() for leaf in tree_leaves(out) if isinstance(leaf, Tensor)]
        return out

    def largest(self) -> int:
        """Elements of the largest tensor."""
        return max(tensor.numel() for tensor in self.tensors)

    def bytes_of(self, least_numel: int) -> int:
        """Bytes of all storages of tensors with at least that many elements."""
        large = (tensor.untyped_storage() for tensor in self.tensors if tensor.numel() >= least_numel)
        return sum({storage.data_ptr(): storage.nbytes() for storage in large}.values())


def big_inputs(dtype: torch.dtype) -> tuple[Tensor, nn.Linear, Tensor]:
    hidden = torch.randn(256, 8, dtype=dtype, requires_grad=True)
    return hidden, nn.Linear(8, 300, dtype=dtype), torch.randint(300, (256,))


@pytest.mark.parametrize("make_head", [lambda head: head, nn.Sequential], ids=["linear", "any module"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_no_tensor_is_as_large_as_all_logits(dtype: torch.dtype, make_head: Callable[[nn.Module], nn.Module]) -> None:
    hidden, head, labels = big_inputs(dtype)
    with Storages() as storages:
        linear_cross_entropy_in_chunks(hidden, make_head(head), labels, chunk_tokens=32, softcap=5.0).backward()
    assert storages.largest() == 32 * 300


def test_the_record_of_tensors_sees_the_logits_of_the_plain_loss() -> None:
    hidden, head, labels = big_inputs(torch.float32)
    with Storages() as storages:
        plain_loss(hidden, head, labels).backward()
    assert storages.largest() == 256 * 300


@pytest.mark.parametrize(("dtype", "bytes_per_logit"), [(torch.float32, 4), (torch.bfloat16, 2 + 4)])
def test_the_memory_for_logits_is_what_the_docstring_says(dtype: torch.dtype, bytes_per_logit: int) -> None:
    hidden, head, labels = big_inputs(dtype)
    head.requires_grad_(False)
    with Storages() as storages:
        linear_cross_entropy_in_chunks(hidden, head, labels, chunk_tokens=32).backward()
    assert storages.bytes_of(least_numel=32 * 300) == 32 * 300 * bytes_per_logit


def test_gradients_of_a_16_bit_head_are_as_exact_as_those_of_plain_autograd() -> None:
    """Both against fp64: summing chunks must not add more error than 16-bit products have anyway."""
    hidden, head, labels = make_inputs(tokens=2000, dtype=torch.bfloat16)
    exact_hidden = hidden.detach().double().requires_grad_()
    exact_weight = head.weight.detach().double().requires_grad_()
    plain_loss(exact_hidden, lambda h: h @ exact_weight.T, labels).backward()
    pair = [hidden, head.weight]
    chunked = torch.autograd.grad(linear_cross_entropy_in_chunks(hidden, head, labels, chunk_tokens=CHUNK), pair)
    plain = torch.autograd.grad(plain_loss(hidden, head, labels), pair)
    for one, other, exact in zip(chunked, plain, (exact_hidden.grad, exact_weight.grad), strict=True):
        assert exact is not None
        error, usual = (torch.linalg.vector_norm(gradient.double() - exact) for gradient in (one, other))
        assert error <= 1.2 * usual


def test_autocast_is_followed() -> None:
    hidden, head, labels = make_inputs(bias=True)
    with torch.autocast("cpu", torch.bfloat16):
        assert_same_as_plain(hidden, head, labels, relative=1e-2)
        value = linear_cross_entropy_in_chunks(hidden, head, labels, chunk_tokens=CHUNK)
        assert_same(value, plain_loss(hidden, head, labels), relative=1e-5)
    exact = plain_loss(hidden, head, labels)
    assert abs(value - exact) > 1e-5 * exact  # the products did run in 16 bits


def test_hidden_states_wider_than_the_head_get_gradients_of_their_own_dtype() -> None:
    hidden, head, labels = make_inputs(dtype=torch.bfloat16)
    wide = hidden.detach().float().requires_grad_()
    linear_cross_entropy_in_chunks(wide, head, labels).backward()
    linear_cross_entropy_in_chunks(hidden, head, labels).backward()
    assert wide.grad is not None
    assert hidden.grad is not None
    assert_same(wide.grad, hidden.grad.float())


def test_without_any_label_loss_and_gradients_are_zero() -> None:
    hidden, head, labels = make_inputs()
    with torch.no_grad():
        hidden[0] = float("inf")
    loss = linear_cross_entropy_in_chunks(hidden, head, torch.full_like(labels, -100), chunk_tokens=CHUNK)
    loss.backward()
    assert loss == 0
    assert hidden.grad is not None
    assert torch.count_nonzero(hidden.grad) == 0


def test_another_index_may_be_ignored() -> None:
    hidden, head, labels = make_inputs()
    moved = labels.masked_fill(labels == -100, 7)
    kept = moved.masked_fill(moved == 7, -100)
    actual = linear_cross_entropy_in_chunks(hidden, head, moved, ignore_index=7)
    assert_same(actual, plain_loss(hidden, head, kept))


def test_evaluation_keeps_nothing() -> None:
    hidden, head, labels = make_inputs()
    with torch.no_grad(), Products() as products:
        loss = linear_cross_entropy_in_chunks(hidden, head, labels, chunk_tokens=CHUNK)
    assert not loss.requires_grad
    assert products.count == -(-TOKENS // CHUNK)
    assert_same(loss, plain_loss(hidden, head, labels).detach())


@pytest.mark.parametrize("make_head", [lambda head: head, nn.Sequential], ids=["linear", "any module"])
def test_shapes_go_through_on_meta_tensors(make_head: Callable[[nn.Module], nn.Module]) -> None:
    hidden, head, labels = make_inputs(bias=True)
    hidden, labels = hidden.detach().to("meta").requires_grad_(), labels.to("meta")
    head = head.to("meta")
    linear_cross_entropy_in_chunks(hidden, make_head(head), labels, chunk_tokens=CHUNK, softcap=3.0).backward()
    for tensor in (hidden, head.weight, head.bias):
        assert tensor.grad is not None
        assert tensor.grad.shape == tensor.shape


def test_a_graph_that_is_kept_can_be_gone_through_again() -> None:
    hidden, head, labels = make_inputs()
    loss = linear_cross_entropy_in_chunks(hidden, head, labels)
    first, second = (torch.autograd.grad(loss * 3, hidden, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)


def test_gradients_of_gradients_are_refused() -> None:
    hidden, head, labels = make_inputs()
    loss = linear_cross_entropy_in_chunks(hidden, head, labels)
    with pytest.raises(NotImplementedError, match="no second derivatives"):
        torch.autograd.grad(loss, hidden, create_graph=True)


# ---- heads that are more than a matrix ---------------------------------------------------------------------------


class Gated(nn.Module):
    """A head whose two parameters get one and the same gradient tensor, and one parameter that gets none."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Parameter(torch.randn(VOCAB, HIDDEN))
        self.other = nn.Parameter(torch.randn(VOCAB, HIDDEN))
        self.frozen = nn.Parameter(torch.ones(VOCAB), requires_grad=False)

    def forward(self, hidden: Tensor) -> Tensor:
        return nn.functional.linear(hidden, self.one + self.other) * self.frozen


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_any_module_may_be_the_head(rule: dict[str, Any]) -> None:
    hidden, _, labels = make_inputs()
    assert_same_as_plain(hidden, Gated(), labels, **rule)


def test_a_trained_module_behind_frozen_hidden_states() -> None:
    hidden, _, labels = make_inputs()
    assert_same_as_plain(hidden.detach(), Gated(), labels)


def test_a_parameter_that_the_head_does_not_use_gets_no_gradient() -> None:
    hidden, head, labels = make_inputs()
    module = nn.Sequential(head)
    module.unused = nn.Parameter(torch.ones(2))
    linear_cross_entropy_in_chunks(hidden, module, labels, chunk_tokens=CHUNK).backward()
    assert module.unused.grad is None
    assert head.weight.grad is not None


@pytest.mark.parametrize("bits", [4, 8])
def test_a_quantised_head(bits: int) -> None:
    labels = make_inputs()[2]
    head: nn.Module
    if bits == 4:
        head = bnb.nn.Linear4bit(64, 128, bias=False, quant_type="nf4")
    else:
        head = bnb.nn.Linear8bitLt(64, 128, bias=False, has_fp16_weights=False)
    head = head.to("cpu").requires_grad_(False)
    hidden = torch.randn(TOKENS, 64, requires_grad=True)
    # 8-bit products scale each token by its own largest channel, so chunks do not change them
    assert_same_as_plain(hidden, head, labels.clamp_max(127), relative=1e-5 if bits == 4 else 1e-2)


def test_the_forward_that_accelerate_puts_on_a_head_runs() -> None:
    from accelerate.hooks import ModelHook, add_hook_to_module

    class Double(ModelHook):  # type: ignore[misc]
        def post_forward(self, module: nn.Module, output: Tensor) -> Tensor:
            return 2 * output

    hidden, head, labels = make_inputs()
    expected = plain_loss(hidden, head, labels, scale=2)
    add_hook_to_module(head, Double())
    assert_same(linear_cross_entropy_in_chunks(hidden, head, labels, chunk_tokens=CHUNK), expected)


# ---- what cannot be ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden": torch.zeros(2, 3, 4)}, "hidden must be"),
        ({"labels": torch.zeros(3, dtype=torch.int64)}, "labels"),
        ({"chunk_tokens": 0}, "chunk_tokens must be at least 1"),
        ({"bias": torch.zeros(VOCAB)}, "brings its own"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any], message: str) -> None:
    hidden, head, labels = make_inputs()
    with pytest.raises(ValueError, match=message):
        linear_cross_entropy_in_chunks(**{"hidden": hidden, "head": head, "labels": labels, **change})
