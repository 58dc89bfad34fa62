"""The kernels' paths: one is taken, any of them can be forced, and a wrong name is refused."""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest

from layerwise.numerics import network, optimizer, runtime
from layerwise.numerics.layouts import agreed

PROGRAM = "from layerwise.numerics import runtime; print(runtime.isa())"


def started(isa):
    environment = os.environ | {"LAYERWISE_ISA": isa}
    return subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
    )


def test_portable_kernels_run_everywhere():
    assert runtime.isas()[0] == "portable"


@pytest.mark.parametrize("isa", runtime.isas())
def test_an_isa_can_be_forced(isa):
    assert started(isa).stdout.strip() == isa


def test_the_best_isa_is_taken_unless_one_is_forced():
    assert runtime.isa() == (os.environ.get("LAYERWISE_ISA") or runtime.isas()[-1])
    assert started("").stdout.strip() == runtime.isas()[-1]


def test_an_unknown_isa_is_refused_with_the_names_of_those_that_run():
    process = started("sse9")
    assert process.returncode != 0
    last = process.stderr.splitlines()[-1]
    assert last.startswith("ImportError: LAYERWISE_ISA asks for 'sse9'")
    assert ", ".join(runtime.isas()) in last


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64") or os.name == "nt",
    reason="only x86-64 has kernels for several sets of instructions",
)
def test_all_isas_were_built():
    with open("/proc/cpuinfo") if os.path.exists("/proc/cpuinfo") else open(os.devnull) as file:
        flags = set(file.read().split())
    if not flags:
        pytest.skip("this system does not list the processor's instructions")
    assert ("avx2" in runtime.isas()) == ({"avx2", "fma"} <= flags)
    assert ("avx512" in runtime.isas()) == (
        {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= flags
    )


@pytest.mark.parametrize("dtype", [network.LAYER, optimizer.OPTIMIZER], ids=["layer", "optimizer"])
def test_a_struct_of_another_layout_is_told_at_import(dtype):
    doors = {
        network.LAYER: network._network.size_of_layer,
        optimizer.OPTIMIZER: optimizer._optimizer.size_of_optimizer,
    }
    fields = [(name, dtype[name]) for name in dtype.names]
    for other in (
        np.dtype([*fields, ("more", np.int64)]),
        np.dtype(fields[:-1]),
        np.dtype([("other", np.float32), *fields[1:]]),
    ):
        with pytest.raises(ImportError, match="build them again"):
            agreed(other, doors[dtype])
    assert agreed(dtype, doors[dtype]) is dtype
