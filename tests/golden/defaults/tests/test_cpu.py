"""What takes the place of slow operations on a CPU has the same results."""

from collections.abc import Callable
from typing import Any

import jax
import keras
import numpy as np
import pytest

from my_model.cpu import with_fast_operations


def gradients(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what computes the gradients of all arguments, given that of the result."""

    def step(of_result: Any, *arguments: Any) -> Any:
        return jax.vjp(function, *arguments)[1](of_result)

    return step


def assert_same(function: Callable[..., Any], *arguments: Any, rtol: float) -> None:
    """The gradients are the same, and made in another way."""
    of_result = np.random.default_rng(1).normal(size=function(*arguments).shape)
    given = [keras.ops.convert_to_tensor(a, "float32") for a in (of_result, *arguments)]
    step = gradients(function)
    fast_step = with_fast_operations(step)
    assert "name=operation" not in str(jax.make_jaxpr(step)(*given))
    assert "name=operation" in str(jax.make_jaxpr(fast_step)(*given))
    result, expected = jax.jit(fast_step)(*given), jax.jit(step)(*given)
    for one, other in zip(result, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol)


@pytest.mark.parametrize(("rank", "size"), [(1, 3), (2, 2), (2, 4), (3, 2)])
def test_pooling(rank: int, size: int) -> None:
    """The gradient goes to the value that XLA chooses: of equal ones, and beside NaN."""
    random = np.random.default_rng(0)
    x = random.integers(-2, 3, (2, *[2 * size + 1] * rank, 3)).astype("float32")
    x[random.random(x.shape) < 0.1] = np.nan
    assert_same(lambda x: keras.ops.max_pool(x, size, strides=size), x, rtol=0)


def test_pooling_of_half_precision_stays() -> None:
    """What XLA rounds by what stands beside it is left as it is, to the last bit."""
    x = np.ones((2, 4, 4, 3), np.float16)
    step = gradients(lambda x: keras.ops.max_pool(x, 2, strides=2))
    program = jax.make_jaxpr(with_fast_operations(step))(x[:, ::2, ::2], x)
    assert "select_and_scatter_add" in str(program)
    assert "name=operation" not in str(program)


@pytest.mark.parametrize("units", [5, 12])
def test_dense_layer_over_sequences(units: int) -> None:
    """The gradient of its weights is a sum over all rows of all sequences."""
    random = np.random.default_rng(0)
    x, kernel = random.normal(size=(3, 7, 8)), random.normal(size=(8, units))
    assert_same(lambda x, kernel: keras.ops.matmul(x, kernel), x, kernel, rtol=1e-5)


@pytest.mark.parametrize("is_causal", [False, True])
def test_attention(is_causal: bool) -> None:
    """The gradients of queries, keys and values, with and without a mask."""
    arrays = np.random.default_rng(0).normal(size=(3, 2, 5, 4, 8))

    def attend(*arrays: Any) -> Any:
        return keras.ops.dot_product_attention(*arrays, is_causal=is_causal)

    assert_same(attend, *arrays, rtol=1e-5)
