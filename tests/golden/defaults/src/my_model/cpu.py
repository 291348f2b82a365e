"""Rewrites operations of which XLA makes slow code on a CPU.

A step is traced, and some of its operations give way to others with the same results.
Sums may be added up in another order, which shows in the last digits.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax import lax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, jaxpr_as_fun

from .pooling import gradient_of_pooling

Operation = Callable[..., Any]

FAST_AXES = 4  # XLA's library for CPUs (YNNPACK) is slow on arrays with more of them
# What there is in a softmax, its derivatives and those of a mask.
ELEMENTWISE = {"add", "add_any", "convert_element_type", "div", "exp", "integer_pow"}
ELEMENTWISE |= {"max", "mul", "neg", "select_n", "stop_gradient", "sub"}


def with_fast_operations(step: Operation) -> Operation:
    """Return a step with the same results, to be compiled in its place."""

    def fast_step(*args: Any) -> Any:
        program, shapes = jax.make_jaxpr(step, return_shape=True)(*args)
        results = jaxpr_as_fun(replaced(program))(*jax.tree.leaves(args))
        return jax.tree.unflatten(jax.tree.structure(shapes), results)

    return fast_step


@functools.cache
def loop_options() -> dict[str, bool]:
    """Return what to compile a loop with, as far as this version of XLA knows it."""
    # Otherwise it copies the weights in every step, where it could write over them.
    options = {"xla_cpu_copy_insertion_use_region_analysis": True}
    try:
        jax.jit(lambda: 0, compiler_options=options)()
    except RuntimeError:
        return {}
    return options


def equations(part: Any) -> Iterator[JaxprEqn]:
    """Yield the equations of a part of a traced program, and those inside of them."""
    if isinstance(part, ClosedJaxpr):
        yield from equations(part.jaxpr)
    elif isinstance(part, Jaxpr):
        for equation in part.eqns:
            yield equation
            yield from equations(tuple(equation.params.values()))
    elif type(part) is tuple:
        for each in part:
            yield from equations(each)


def has_slow_operations(part: Any) -> bool:
    """Tell whether there is anything to replace in a part of a traced program."""
    return any(map(fast_operation, equations(part)))


def replaced(part: Any) -> Any:
    """Return a part of a traced program with fast operations for slow ones."""
    if not has_slow_operations(part):
        return part  # the same object: JAX compiles an inner program once for all calls
    if isinstance(part, ClosedJaxpr):
        return part.replace(jaxpr=replaced(part.jaxpr))
    if isinstance(part, Jaxpr):
        return part.replace(eqns=[replaced_equation(each) for each in part.eqns])
    return tuple(map(replaced, part))


def replaced_equation(equation: JaxprEqn) -> JaxprEqn:
    """Return an equation, or what takes its place."""
    operation = fast_operation(equation)
    if operation is None:
        inner = {name: replaced(value) for name, value in equation.params.items()}
        return equation.replace(params=inner)
    shapes = [variable.aval for variable in equation.invars]
    call = jax.make_jaxpr(jax.jit(operation))(*shapes).eqns[0]
    return call.replace(
        invars=equation.invars,
        outvars=equation.outvars,
        source_info=equation.source_info,
        ctx=equation.ctx,
    )


def fast_operation(equation: JaxprEqn) -> Operation | None:
    """Return what takes the place of an equation, if it is slow."""
    if any(equation.params.get(name) for name in ("sharding", "out_sharding")):
        return None
    for find in (gradient_of_pooling, gradient_of_weights, without_first_axis):
        operation = find(equation)
        if operation is not None:
            return operation
    return None


def gradient_of_weights(equation: JaxprEqn) -> Operation | None:
    """Return that of a dense layer over sequences, as a product of two matrices.

    Of two arrays with more axes XLA first makes a copy of one that is transposed.
    """
    if equation.primitive.name != "dot_general":
        return None
    contracted, batch = equation.params["dimension_numbers"]
    factors: list[Any] = equation.invars
    ranks = {factor.aval.ndim for factor in factors}
    leading = tuple(range(max(ranks) - 1))  # all axes but the last
    if len(ranks) > 1 or len(leading) < 2 or any(batch):
        return None
    if any(tuple(axes) != leading for axes in contracted):
        return None
    matrices = {"dimension_numbers": (((0,), (0,)), ((), ()))}
    product = functools.partial(
        equation.primitive.bind, **{**equation.params, **matrices}
    )

    def operation(one: jax.Array, other: jax.Array) -> jax.Array:
        one, other = (lax.collapse(array, 0, -1) for array in (one, other))
        # XLA turns products round to spare a transposition, but this way, the wider
        # matrix second, they take half the time.
        if one.shape[1] <= other.shape[1]:
            return lax.optimization_barrier(product(one, other))
        return lax.optimization_barrier(product(other, one)).T

    return operation


def without_first_axis(equation: JaxprEqn) -> Operation | None:
    """Return an operation on arrays of one axis too many, the first, of length 1.

    JAX has them in attention.
    """
    variables: list[Any] = [*equation.invars, *equation.outvars]
    shapes = [getattr(variable.aval, "shape", ()) for variable in variables]
    too_many = max(map(len, shapes), default=0) == FAST_AXES + 1
    params = params_without_first_axis(equation) if too_many else None
    if params is None or any(shape and shape[0] != 1 for shape in shapes):
        return None

    def operation(*arrays: jax.Array) -> jax.Array:
        squeezed = (lax.squeeze(a, (0,)) if a.ndim else a for a in arrays)
        return lax.expand_dims(equation.primitive.bind(*squeezed, **params), (0,))

    return operation


def params_without_first_axis(equation: JaxprEqn) -> dict[str, Any] | None:
    """Return the parameters of an equation whose arrays lose their first axis."""
    name, params = equation.primitive.name, equation.params
    if name in ELEMENTWISE:
        return params
    if name in ("reduce_max", "reduce_sum") and 0 not in params["axes"]:
        return {**params, "axes": tuple(axis - 1 for axis in params["axes"])}
    if name == "broadcast_in_dim":
        axes = params["broadcast_dimensions"]
        if not axes or axes[0] == 0:
            axes = tuple(axis - 1 for axis in axes[1:])
            shape = params["shape"][1:]
            return {**params, "shape": shape, "broadcast_dimensions": axes}
    return None
