"""What takes the place of XLA's slow operations on a CPU has the results of XLA's own."""

from __future__ import annotations

import functools
import importlib
import math
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kscaffold.verify.cases import Case
from kscaffold.verify.subjects import find_subject
from tests.projects import ROOT, generate

pytestmark = pytest.mark.slow

OVERLAY = ROOT / "examples/templates/fast-cpu"


@pytest.fixture(scope="module")
def cpu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """Return the module of a project with the overlay."""
    folder = tmp_path_factory.mktemp("cpu") / "project"
    generate(folder, {"package": "made_for_cpu"}, "--template", str(OVERLAY))
    # A package of these modules alone: that of the project would import Keras.
    package = ModuleType("made_for_cpu")
    package.__path__ = [str(folder / "src/made_for_cpu/fused")]
    sys.modules["made_for_cpu"] = package
    yield importlib.import_module("made_for_cpu.cpu")
    for name in [name for name in sys.modules if name.startswith("made_for_cpu")]:
        del sys.modules[name]


def jax_module() -> Any:
    """Import what the quick tests, which only collect this, can do without."""
    import jax

    return jax


def pool(x: Any, window: tuple[int, ...], strides: tuple[int, ...], largest: bool) -> Any:
    """Return the largest or the smallest values of windows."""
    jax = jax_module()

    start = np.asarray(-np.inf if largest else np.inf, x.dtype)
    return jax.lax.reduce_window(
        x, start, jax.lax.max if largest else jax.lax.min, window, strides, "VALID"
    )


def bits(array: Any) -> Any:
    """Return what is in memory, which tells 0.0 from -0.0 and one NaN from another."""
    values = np.asarray(array)
    return values.view(f"u{values.dtype.itemsize}")


def is_replaced(function: Callable[..., Any], *args: Any) -> bool:
    """Return whether the program has an operation in the place of another."""
    return "name=operation" in str(jax_module().make_jaxpr(function)(*args))


def has_slow_gradient(function: Callable[..., Any], *args: Any) -> bool:
    """Return whether the program has XLA's own gradient of pooling."""
    jax = jax_module()

    return "select_and_scatter" in str(jax.make_jaxpr(function)(*args))


VALUES = st.sampled_from([0.0, -0.0, 1.0, 1.5, -2.0, np.inf, -np.inf, np.nan])


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 9)), min_size=1, max_size=3),
    largest=st.booleans(),
    data=st.data(),
)
def test_pooling_has_the_same_bits(
    cpu: ModuleType, sizes: list[tuple[int, int]], largest: bool, data: Any
) -> None:
    """Whatever the values are: equal, infinite, NaN; windows of any size, with a rest."""
    jax = jax_module()

    window = (1, *(size for size, _ in sizes), 1)
    shape = (2, *(max(length, size) for size, length in sizes), 2)
    assume(math.prod(window) <= sys.modules["made_for_cpu.pooling"].LARGEST_WINDOW)
    random = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    few = np.array(data.draw(st.lists(VALUES, min_size=1, max_size=4)))
    x = jax.numpy.asarray(random.choice(few, shape), "float32")
    of_pooled = jax.numpy.asarray(
        random.choice([*few, 0.5], pool(x, window, window, largest).shape), "float32"
    )

    def step(x: Any, of_pooled: Any) -> Any:
        return jax.vjp(lambda x: pool(x, window, window, largest), x)[1](of_pooled)[0]

    fast_step = cpu.with_fast_operations(step)
    assert not has_slow_gradient(fast_step, x, of_pooled)
    result, expected = jax.jit(fast_step)(x, of_pooled), jax.jit(step)(x, of_pooled)
    np.testing.assert_array_equal(bits(result), bits(expected))


def test_other_pooling_is_left(cpu: ModuleType) -> None:
    """Those that overlap, leave gaps, reach over the edge or are large."""
    jax = jax_module()

    x = np.random.default_rng(0).normal(size=(1, 40, 1)).astype("float32")
    kinds = [((1, 3, 1), (1, 2, 1), "VALID"), ((1, 2, 1), (1, 3, 1), "VALID")]
    kinds += [((1, 3, 1), (1, 3, 1), "SAME"), ((1, 20, 1), (1, 20, 1), "VALID")]
    for window, strides, padding in kinds:

        def total(
            x: Any, window: Any = window, strides: Any = strides, padding: Any = padding
        ) -> Any:
            pooled = jax.lax.reduce_window(x, -np.inf, jax.lax.max, window, strides, padding)
            return (pooled**2).sum()

        fast = cpu.with_fast_operations(jax.grad(total))
        assert has_slow_gradient(fast, x), (window, strides, padding)
        np.testing.assert_array_equal(jax.jit(fast)(x), jax.jit(jax.grad(total))(x))


@settings(max_examples=12, deadline=None)
@given(
    rows=st.lists(st.integers(1, 20), min_size=2, max_size=3),
    columns=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    dtype=st.sampled_from(["float32", "float16", "bfloat16"]),
    turned=st.booleans(),
)
def test_gradient_of_weights(
    cpu: ModuleType, rows: list[int], columns: tuple[int, int], dtype: str, turned: bool
) -> None:
    """The sum over all rows is exact where every partial sum is, and close to XLA's elsewhere."""
    jax = jax_module()

    leading = tuple(range(len(rows)))

    def step(x: Any, g: Any) -> Any:
        product = jax.lax.dot_general(x, g, ((leading, leading), ((), ())))
        return product.T if turned else product

    fast_step = cpu.with_fast_operations(step)
    random = np.random.default_rng(0)
    whole, normal = (
        [jax.numpy.asarray(draw(size=(*rows, count)), dtype) for count in columns]
        for draw in (functools.partial(random.integers, -2, 3), random.normal)
    )
    assert is_replaced(fast_step, *whole)
    tolerance = float(jax.numpy.finfo(dtype).eps) * (50 if dtype == "float32" else 10)
    for arrays, terms in ((whole, 0 if dtype == "float32" else 1), (normal, math.prod(rows))):
        result, expected = (jax.jit(each)(*arrays).astype("float32") for each in (fast_step, step))
        # A sum's error grows with the root of its terms' number, and its size does, too.
        np.testing.assert_allclose(
            result, expected, rtol=tolerance * bool(terms), atol=tolerance * terms**0.5
        )


def test_gradient_of_weights_is_one_product(cpu: ModuleType) -> None:
    """The compiled program has no copy of the rows, and the wider matrix comes second."""
    jax = jax_module()

    def step(g: Any, x: Any) -> Any:
        return jax.lax.dot_general(g, x, (((0, 1), (0, 1)), ((), ()))).T

    for widths in ((96, 24), (24, 96)):
        arrays = [jax.numpy.ones((16, 32, width)) for width in widths]
        text = jax.jit(cpu.with_fast_operations(step)).lower(*arrays).compile().as_text()
        assert re.search(r"f32\[24,96\]\S* dot\(", text)
        assert not re.search(r"f32\[(24|96),512\]", text)


@settings(max_examples=6, deadline=None)
@given(
    lengths=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    heads=st.integers(1, 4),
    masked=st.booleans(),
    biased=st.booleans(),
    dtype=st.sampled_from(["float32", "bfloat16"]),
)
def test_attention(
    cpu: ModuleType,
    lengths: tuple[int, int],
    heads: int,
    masked: bool,
    biased: bool,
    dtype: str,
) -> None:
    """Its results and gradients are close to XLA's, and no array has five axes in a softmax."""
    jax = jax_module()

    random = np.random.default_rng(0)
    queries, keys = lengths
    arrays = [
        jax.numpy.asarray(random.normal(size=(2, length, heads, 8)), dtype)
        for length in (queries, keys, keys, queries)
    ]
    mask = jax.numpy.asarray(random.random((2, heads, queries, keys)) < 0.7) if masked else None
    bias = (
        jax.numpy.asarray(random.normal(size=(2, heads, queries, keys)), dtype) if biased else None
    )

    def step(q: Any, k: Any, v: Any, g: Any) -> Any:
        def attend(*arrays: Any) -> Any:
            return jax.nn.dot_product_attention(*arrays, bias=bias, mask=mask)

        result, gradients = jax.vjp(attend, q, k, v)
        return result, gradients(g)

    fast_step = cpu.with_fast_operations(step)
    tolerance = 50 * float(jax.numpy.finfo(dtype).eps)
    result, expected = jax.jit(fast_step)(*arrays), jax.jit(step)(*arrays)
    for one, other in zip(jax.tree.leaves(result), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(
            one.astype("float32"), other.astype("float32"), rtol=tolerance, atol=tolerance
        )
    of_five_axes = r":\w+\[1(,\d+){4}\] = (exp|div|mul) "
    assert re.search(of_five_axes, str(jax.make_jaxpr(step)(*arrays)))
    assert not re.search(of_five_axes, str(jax.make_jaxpr(fast_step)(*arrays)))


def test_first_axis_is_kept_elsewhere(cpu: ModuleType) -> None:
    """Sums over it, and operations that are not in a softmax, stay as they are."""
    jax = jax_module()

    x, more = jax.numpy.ones((1, 2, 3, 2, 4)), jax.numpy.ones((2, 2, 3, 2, 4))
    assert is_replaced(cpu.with_fast_operations(jax.numpy.exp), x)
    operations: list[tuple[Any, Any]] = [
        (lambda x: x.sum((0, 4)), x),
        (jax.numpy.sin, x),
        (lambda x: jax.numpy.broadcast_to(x, (2, *x.shape)), x),
        (jax.numpy.exp, more),
        (jax.numpy.exp, x[0]),
        (jax.numpy.exp, x[None]),
    ]
    for operation, array in operations:
        fast = cpu.with_fast_operations(operation)
        assert not is_replaced(fast, array)
        np.testing.assert_array_equal(fast(array), operation(array))


def test_inner_programs(cpu: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """A step may loop, branch, recompute, have derivatives of its own, print, and call Python."""
    jax = jax_module()
    from jax.experimental import io_callback

    window = (1, 2, 1)
    x = np.random.default_rng(0).normal(size=(2, 8, 3)).astype("float32")

    own = jax.custom_vjp(lambda x: pool(x, window, window, True))
    own.defvjp(
        lambda x: (own(x), x),
        lambda x, g: (jax.vjp(lambda x: pool(x, window, window, True), x)[1](g)[0] * 2,),
    )
    calls: list[Any] = []

    def loss(x: Any) -> Any:
        def body(total: Any, part: Any) -> Any:
            pooled = jax.checkpoint(lambda x: pool(x, window, window, True))(part * total)
            return total + pooled.sum(), pooled

        total, pooled = jax.lax.scan(body, 1.0, jax.numpy.stack([x, -x]))
        branch = jax.lax.cond(total > 0, lambda x: jax.jit(own)(x).sum(), lambda x: x.sum(), x)
        jax.debug.print("printed {}", total > 0)
        return total + branch + (pooled**2).sum()

    def step(x: Any) -> dict[str, Any]:
        value, gradient = jax.value_and_grad(loss)(x)
        io_callback(calls.append, None, jax.numpy.asarray(3), ordered=True)
        return {"value": value, "gradient": gradient, "nothing": None}

    fast_step = cpu.with_fast_operations(step)
    assert has_slow_gradient(step, x)
    assert not has_slow_gradient(fast_step, x)
    result, expected = jax.jit(fast_step)(x), jax.jit(step)(x)
    jax.effects_barrier()
    assert jax.tree.structure(result) == jax.tree.structure(expected)
    np.testing.assert_allclose(result["gradient"], expected["gradient"], rtol=1e-6)
    assert len(calls) == 2
    assert capsys.readouterr().out.count("printed") == 2


CONVNET = """
inputs = keras.Input((4,))
hidden = keras.layers.Reshape((8, 8, 1))(keras.layers.Dense(64)(inputs))
hidden = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(hidden)
hidden = keras.layers.MaxPooling2D()(hidden)
hidden = keras.layers.Conv2D(4, 3, activation="relu")(hidden)
hidden = keras.layers.MaxPooling2D()(hidden)
model = Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(hidden)))
"""
TRANSFORMER = """
inputs = keras.Input((4,))
hidden = keras.layers.Reshape((8, 12))(keras.layers.Dense(96)(inputs))
hidden = keras.layers.MultiHeadAttention(2, 6)(hidden, hidden)
hidden = keras.layers.LayerNormalization()(keras.layers.Dense(24, activation="relu")(hidden))
model = Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(hidden)))
"""


def cases_of(model: str, steps: Iterable[int]) -> list[Case]:
    """Return cases that train a model with some numbers of steps per execution."""
    return [
        Case(
            family="a CPU",
            name=f"{number} steps per execution",
            cause="",
            model=model,
            optimizer="keras.optimizers.SGD(0.0001)",
            loss="'mse'",
            compile=f"steps_per_execution={number}",
            fit="batch_size=5",
        )
        for number in steps
    ]


def verdicts(folder: Path, model: str, steps: Iterable[int]) -> list[str]:
    """Train a model with some numbers of steps per execution, each beside `keras.Model`."""
    from kscaffold.verify.runner import Runner

    project = folder / "project"
    generate(project, {"package": "made_to_compare"}, "--template", str(OVERLAY))
    runner = Runner(find_subject(str(project)), {})
    return [runner.run(case).verdict for case in cases_of(model, steps)]


def test_convnet_is_exact(tmp_path: Path) -> None:
    """A model with pooling trains as `keras.Model` does, to the last bit."""
    assert verdicts(tmp_path, CONVNET, (1, 2, 100)) == ["exact"] * 3


def test_transformer_is_close(tmp_path: Path) -> None:
    """One with attention trains as `keras.Model` does, and with fused steps very nearly so."""
    one_by_one, *fused = verdicts(tmp_path, TRANSFORMER, (1, 2, 100))
    assert one_by_one == "exact"
    assert set(fused) <= {"exact", "within tolerance"}


def test_steps_that_are_not_compiled(tmp_path: Path) -> None:
    """While JAX compiles nothing, a project's steps are run by Keras."""
    jax = jax_module()
    with jax.disable_jit():
        assert verdicts(tmp_path, CONVNET, [2]) == ["exact"]
