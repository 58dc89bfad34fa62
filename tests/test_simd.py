"""The kernels' paths: one is taken, any of them can be forced, and a wrong name is refused."""

import os
import platform
import subprocess
import sys

import pytest

from layerwise.numerics import simd

PROGRAM = "from layerwise.numerics import simd; print(simd.taken())"


def started(path):
    environment = os.environ | {"LAYERWISE_SIMD": path}
    return subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
    )


def test_portable_kernels_run_everywhere():
    assert simd.runnable()[0] == "portable"


@pytest.mark.parametrize("path", simd.runnable())
def test_a_path_can_be_forced(path):
    assert started(path).stdout.strip() == path


def test_the_best_path_is_taken_unless_one_is_forced():
    assert simd.taken() == (os.environ.get("LAYERWISE_SIMD") or simd.runnable()[-1])
    assert started("").stdout.strip() == simd.runnable()[-1]


def test_an_unknown_path_is_refused_with_the_names_of_those_that_run():
    process = started("sse9")
    assert process.returncode != 0
    last = process.stderr.splitlines()[-1]
    assert last.startswith("ImportError: LAYERWISE_SIMD asks for 'sse9'")
    assert ", ".join(simd.runnable()) in last


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64") or os.name == "nt",
    reason="only x86-64 has kernels for several sets of instructions",
)
def test_all_paths_were_built():
    with open("/proc/cpuinfo") if os.path.exists("/proc/cpuinfo") else open(os.devnull) as file:
        flags = set(file.read().split())
    if not flags:
        pytest.skip("this system does not list the processor's instructions")
    assert ("avx2" in simd.runnable()) == ({"avx2", "fma"} <= flags)
    assert ("avx512" in simd.runnable()) == (
        {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= flags
    )
