"""What is built: from which compilers, how large, and what a refusal says."""

import os
import platform
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from layerwise import _kernels

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "layerwise" / "_kernels" / "src"
from_sources = pytest.mark.skipif(
    not (ROOT / "setup.py").exists(), reason="the sources are not here"
)
posix = pytest.mark.skipif(sys.platform == "win32", reason="another compiler's flags")

# setup.py as it is run, but for Cython's work, which comes first and takes a minute.
SETUP = """
import runpy, sys
import Cython.Build
Cython.Build.cythonize = lambda extensions, **options: extensions
sys.argv = ["setup.py", "build_ext", "--build-lib", sys.argv[1], "--build-temp", sys.argv[1]]
runpy.run_path("setup.py", run_name="__main__")
"""


@from_sources
@posix
@pytest.mark.parametrize("compiler", ["missing", "broken"])
def test_without_a_compiler_there_is_one_sentence(tmp_path, compiler):
    """It said that the compiler had no OpenMP, and then a command failed as it was."""
    for module in ("Cython", "setuptools", "numpy"):
        pytest.importorskip(module)
    command = tmp_path / compiler
    if compiler == "broken":
        command.write_text("#!/bin/sh\nexit 1\n")
        command.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", SETUP, str(tmp_path / "built")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "CC": str(command)},
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        f"error: Building layerwise needs a C compiler: '{command}' did not make a program"
    )
    assert "Traceback" not in done.stderr
    assert "OpenMP" not in done.stdout + done.stderr
    assert not (tmp_path / "built").exists()


@from_sources
@posix
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize(
    ("source", "macros"),
    [
        ("kernels.c", ["-DLW_ISA=portable", "-DLW_SINGLE=1"]),
        ("kernels.c", ["-DLW_ISA=portable"]),
        ("isa/isa.c", []),
        ("isa/point.c", []),
    ],
)
def test_our_c_compiles_without_a_warning(tmp_path, compiler, source, macros):
    """clang warned of offsets from a null pointer, and of a loop that it did not vectorise."""
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not here")
    flags = "-std=c11 -O3 -fno-math-errno -fno-trapping-math -ffp-contract=fast -fPIC -fopenmp"
    done = subprocess.run(
        [
            *(compiler, *flags.split(), "-Wall", "-Wextra", *macros),
            *("-I", str(SOURCES), "-c", str(SOURCES / source), "-o", str(tmp_path / "object.o")),
        ],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(platform.system() != "Linux", reason="reads ELF by its sections' names")
def test_extensions_hold_nothing_for_a_debugger():
    """They came to 11.9 MB, of which 9.6 were what Python's own ``-g`` had left."""
    extensions = list(Path(_kernels.__file__).parent.glob("*.so"))
    assert len(extensions) >= 8
    contents = [path.read_bytes() for path in extensions]
    if any(b"__ubsan" in content for content in contents):
        pytest.skip("a debug build keeps them")
    for content in contents:
        assert b".dynsym\0" in content  # sections' names are there to be read
        assert b".debug_info\0" not in content
        assert b".symtab\0" not in content


def test_type_checkers_are_told_that_there_are_types():
    """The doors' ``.pyi`` were shipped, and no type checker looked: ``py.typed`` was missing."""
    assert files("layerwise").joinpath("py.typed").is_file()
    assert files("layerwise").joinpath("_kernels", "_units.pyi").is_file()
