"""Collective operations are found in XLA's text, with their bytes."""

import os
import subprocess
import sys

import pytest
from collectives import Collective, collectives, element_size, size_of, total

from tests.projects import ROOT

TEXT = """\
HloModule jit_step, entry_computation_layout={(f32[64,10]{1,0})->f32[]}

%add (x: f32[], y: f32[]) -> f32[] {
  ROOT %sum = f32[] add(%x, %y), metadata={op_name="jit(step)/all-reduce(x)"}
}

ENTRY %main (p: f32[64,10]) -> f32[] {
  %all-reduce.9 = (f32[], f32[64,10]{1,0}, bf16[3]{0}, /*index=3*/pred[5]{0}) all-reduce(%a, %b)
  %all-gather = f32[8,4]{0,1:T(8,128)} all-gather(%all-reduce.9), channel_id=1, dimensions={1}
  %ars = f32[100]{0} all-reduce-start(%c), channel_id=2, to_apply=%add
  %ard = f32[100]{0} all-reduce-done(%ars)
  %ags = (f32[2]{0}, f32[8]{0}) all-gather-start(%d), dimensions={0}
  %agd = f32[8]{0} all-gather-done(%ags)
  %cps = (s8[6]{0}, s8[6]{0}, u32[], u32[]) collective-permute-start(%e)
  %cpd = s8[6]{0} collective-permute-done(%cps)
  rs = f64[3]{0} reduce-scatter(f), dimensions={0}, to_apply=add
  %fused = f32[9]{0} fusion(%agd), calls=%all-to-all.1, metadata={op_name=" all-to-all("}
  ROOT %all-to-all.2 = (u8[<=4]{0}, u8[4]{0}) all-to-all(%g, %h)
}
"""
ON_DEVICES = """
import jax, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from collectives import collectives, total

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_num_cpu_devices", 4)
mesh = Mesh(np.array(jax.devices()), ("batch",))
rows = NamedSharding(mesh, PartitionSpec("batch"))
everywhere = NamedSharding(mesh, PartitionSpec())
x = jax.device_put(np.ones((8, 3), "float32"), rows)
w = jax.device_put(np.ones((3, 5), "float32"), everywhere)
gradient = jax.jit(jax.grad(lambda w, x: (x @ w).sum()), out_shardings=everywhere)
gathered = jax.jit(lambda x: x * 2, out_shardings=everywhere)
for function, arguments in ((gradient, (w, x)), (gathered, (x,))):
    found = collectives(function.lower(*arguments).compile().as_text())
    print([each.kind for each in found], round(total(found)))
"""


def test_collectives_of_text() -> None:
    """Each operation counts once, with its result; other lines that name one do not count."""
    assert collectives(TEXT) == [
        Collective("all-reduce", 4 + 4 * 640 + 2 * 3 + 5),
        Collective("all-gather", 4 * 32),
        Collective("all-reduce", 400),
        Collective("all-gather", 32),
        Collective("collective-permute", 6),
        Collective("reduce-scatter", 24),
        Collective("all-to-all", 8),
    ]
    assert total(collectives(TEXT), "all-gather") == 4 * 32 + 32


@pytest.mark.parametrize(
    ("shape", "expected"),
    [("f32[]", 4), ("bf16[2,3]{1,0}", 12), ("f8e4m3fn[10]", 10), ("c64[2]", 16), ("s4[8]", 4)],
)
def test_size_of(shape: str, expected: float) -> None:
    """A shape's bytes are its elements times the size of its type."""
    assert size_of(shape) == expected


def test_unknown_type() -> None:
    """A type that is not known is an error, and not a wrong number."""
    with pytest.raises(ValueError, match="opaque"):
        element_size("opaque")


def test_collectives_of_compiled_functions() -> None:
    """On four devices a gradient is reduced, and divided rows are gathered."""
    path = os.pathsep.join([str(ROOT / "bench"), os.environ.get("PYTHONPATH", "")])
    result = subprocess.run(
        [sys.executable, "-c", ON_DEVICES],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == ["['all-reduce'] 60", "['all-gather'] 96"]
