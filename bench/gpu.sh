#!/usr/bin/env bash
# Test and measure projects on a machine with one GPU and no network, in under eight minutes.
#
#     bench/gpu.sh [PYTHON]
#
# PYTHON, or else $PYTHON, or else python3, has the dependencies of kscaffold and of a project, with jax
# for the GPU. Prints two tables, of a default project, and of an algorithm with two optimizers and a
# data-parallel project; whether Orbax restores what it saved of a model-parallel one; and the outcome of
# the default project's own tests. On a CPU it says so.
set -u
python=${1:-${PYTHON:-python3}}
bench=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export KERAS_BACKEND=jax XLA_PYTHON_CLIENT_PREALLOCATE=false JAX_COMPILATION_CACHE_DIR=$work/jax
export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0

platform=$("$python" -c 'import jax; print(jax.devices()[0].platform)' 2>/dev/null) || platform=none
[ "$platform" = cpu ] && echo "no GPU was found: this is on a CPU"

new() {  # PACKAGE OPTION...
    PYTHONPATH=$bench/../generator "$python" -m kscaffold new "$work/$1" --defaults --no-git -q \
        --package "$@" || exit 1
}

new bench_model
new bench_devices --distribution data-parallel
new bench_sharded --distribution model-parallel
new bench_gan --algorithm gan --data digits
status=0
cd "$work/bench_model" || exit 1
PYTHONPATH=src:$bench timeout 180 "$python" "$bench/gpu.py" || status=1
echo
projects=src:$work/bench_devices/src:$work/bench_sharded/src:$work/bench_gan/src
PYTHONPATH=$projects:$bench timeout 90 "$python" "$bench/gpu_projects.py" || status=1
echo
echo "own tests of a default project:"
PYTHONPATH=src timeout 200 "$python" -m pytest -q -p no:cacheprovider tests 2>&1 | tail -n 15
[ "${PIPESTATUS[0]}" = 0 ] || status=1
exit $status
