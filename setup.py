"""The native extensions, the OpenMP probe, the compiler flags: nothing else.

All metadata stands in ``pyproject.toml``. Two environment variables matter:

``LAYERWISE_DEBUG=1``
    Bounds checks in Cython, ``-Wall -Wextra -Wconversion`` on our C, and UBSan.
``CC``
    The compiler, which is the one that the OpenMP probe asks.
"""

import os
import sys
import tempfile
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, LinkError

DEBUG = os.environ.get("LAYERWISE_DEBUG", "0") not in ("", "0")
KERNELS = Path("layerwise/_kernels")
SOURCES = sorted(str(path) for path in (KERNELS / "src").glob("*.c") if ".inc." not in path.name)
HEADERS = sorted(str(path) for path in (KERNELS / "src").iterdir())

# The compiler may fuse a*b + c, and vectorise without asking errno or traps; it may not
# reorder sums (no -ffast-math), and the default build runs on every machine of its kind.
UNIX_FLAGS = ["-std=c11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"]
OPENMP = {
    "unix": [(["-fopenmp"], ["-fopenmp"]), (["-Xpreprocessor", "-fopenmp"], ["-lomp"])],
    "msvc": [(["/openmp:llvm"], [])],
}
PROBE = """
#include <omp.h>
int main(void) { return omp_get_max_threads() < 1; }
"""


class BuildKernels(build_ext):
    """Compile our C once, with its own warnings, and link it into each extension."""

    def openmp_flags(self):
        """Return the (compile, link) flags with which this very compiler takes OpenMP."""
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "probe.c"
            source.write_text(PROBE)
            for compile_flags, link_flags in OPENMP.get(self.compiler.compiler_type, []):
                try:
                    objects = self.compiler.compile(
                        [str(source)], output_dir=folder, extra_postargs=compile_flags
                    )
                    self.compiler.link_executable(
                        objects, str(Path(folder) / "probe"), extra_postargs=link_flags
                    )
                except (CompileError, LinkError):
                    continue
                return compile_flags, link_flags
        print("layerwise: the compiler has no OpenMP; the kernels will use one thread.")
        return [], []

    def build_extensions(self):
        openmp, openmp_link = self.openmp_flags()
        unix = self.compiler.compiler_type != "msvc"
        flags = [*(UNIX_FLAGS if unix else ["/O2", "/std:c11"]), *openmp]
        if unix and not openmp:
            flags.append("-fopenmp-simd")
        link = list(openmp_link)
        ours = ["-Wall", "-Wextra"] if unix else []
        if unix and not openmp:  # n_threads and the pragmas that read it then stand unused
            ours += ["-Wno-unused-parameter", "-Wno-unknown-pragmas"]
        if DEBUG and unix:
            ours += ["-Wconversion", "-Wno-sign-conversion"]
            flags += ["-g", "-fsanitize=undefined", "-fno-sanitize-recover=undefined"]
            link.append("-fsanitize=undefined")
        objects = self.compiler.compile(
            SOURCES,
            output_dir=self.build_temp,
            include_dirs=[str(KERNELS / "src")],
            extra_postargs=flags + ours,
            depends=HEADERS,
        )
        for extension in self.extensions:
            extension.extra_compile_args = flags + (["-Wall", "-Wextra"] if unix else [])
            extension.extra_link_args = link
            extension.extra_objects = objects
        super().build_extensions()


extensions = [
    Extension(
        f"layerwise._kernels.{path.stem}",
        [str(path)],
        include_dirs=[str(KERNELS / "src"), numpy.get_include()],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
        depends=HEADERS,
    )
    for path in sorted(KERNELS.glob("*.pyx"))
]

setup(
    ext_modules=cythonize(
        extensions,
        compiler_directives={
            "language_level": 3,
            "boundscheck": DEBUG,
            "wraparound": False,
            "initializedcheck": DEBUG,
            "cdivision": True,
            "freethreading_compatible": True,
        },
        nthreads=0 if sys.platform == "win32" else 2,
    ),
    cmdclass={"build_ext": BuildKernels},
)
