"""The native extensions, the probes of the compiler, its flags: nothing else.

All metadata stands in ``pyproject.toml``. Two environment variables matter:

``LAYERWISE_DEBUG=1``
    Bounds checks in Cython, ``-Wall -Wextra -Wconversion`` on our C, and UBSan.
``CC``
    The compiler, which is the one that the probes ask.
"""

import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, LinkError, PlatformError

DEBUG = os.environ.get("LAYERWISE_DEBUG", "0") not in ("", "0")
KERNELS = Path("layerwise/_kernels")
SOURCES = sorted(str(path) for path in (KERNELS / "src").rglob("*.[ch]"))

# The compiler may fuse a*b + c, and vectorise without asking errno or traps; it may not
# reorder sums (no -ffast-math), and the default build runs on every machine of its kind.
UNIX_FLAGS = ["-std=c11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"]
PROBE = "int main(void) { return 0; }"
OPENMP = {
    "unix": [(["-fopenmp"], ["-fopenmp"]), (["-Xpreprocessor", "-fopenmp"], ["-lomp"])],
    "msvc": [(["/openmp:llvm"], [])],
}
STRIP = ["-Wl,-s"]  # Python's own flags ask for -g, which is four fifths of an extension
OPENMP_PROBE = """
#include <omp.h>
int main(void) { return omp_get_max_threads() < 1; }
"""
# Flags of the kernels' instruction sets (src/isa/isa.h), by the names under which
# src/isa/isa.c asks the machine for them. Without the width, some compilers keep to 256 bits.
ISAS = {
    "portable": [],
    "avx2": ["-mavx2", "-mfma"],
    "avx512": [
        *("-mavx2", "-mfma", "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl"),
        "-mprefer-vector-width=512",
    ],
}
ISAS_PROBE = """
#ifndef __x86_64__
#error
#endif
#include <immintrin.h>
int main(void) { return !__builtin_cpu_supports("avx512vl") && _mm512_kunpackb(0, 0); }
"""


class BuildKernels(build_ext):
    """Compile our C, with its own warnings, and link it into one extension."""

    def builds(self, text, compile_flags, link_flags=()):
        """Return whether this very compiler makes a program of this text with these flags."""
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "probe.c"
            source.write_text(text)
            try:
                objects = self.compiler.compile(
                    [str(source)], output_dir=folder, extra_postargs=list(compile_flags)
                )
                self.compiler.link_executable(
                    objects, str(Path(folder) / "probe"), extra_postargs=list(link_flags)
                )
            except (CompileError, LinkError, PlatformError):
                return False
        return True

    def needs_a_compiler(self):
        """Refuse in a sentence where there is no compiler, or none that works."""
        if self.builds(PROBE, []):
            return
        command = getattr(self.compiler, "compiler", ["cl"])[0]
        raise PlatformError(
            f"Building layerwise needs a C compiler: '{command}' did not make a program of one "
            "line. Install gcc or clang with the C library's headers (on Debian: apt install "
            "build-essential), or name another in the environment variable CC."
        )

    def openmp_flags(self):
        """Return the (compile, link) flags with which this very compiler takes OpenMP."""
        for flags in OPENMP.get(self.compiler.compiler_type, []):
            if self.builds(OPENMP_PROBE, *flags):
                return flags
        print("layerwise: the compiler has no OpenMP; the kernels will use one thread.")
        return [], []

    def strip_flags(self):
        """Return the link flags that leave out symbols and what a debugger reads, if there are."""
        if self.compiler.compiler_type == "msvc" or not self.builds(PROBE, [], STRIP):
            return []
        return STRIP

    def compile_ours(self, flags):
        """Compile our C: the kernels for each instruction set and float type, and what picks one.

        Returns
        -------
        kernels : list of str
            Objects of the one extension module that holds the kernels.
        point : list of str
            Objects of all.
        """
        x86 = self.compiler.compiler_type != "msvc" and self.builds(ISAS_PROBE, ISAS["avx512"])
        jobs = [
            ("kernels.c", [("LW_ISA", isa), *single], ISAS[isa])
            for isa in (ISAS if x86 else ["portable"])
            for single in ([("LW_SINGLE", "1")], [])
        ]
        jobs += [("isa/isa.c", [("LW_X86_ISAS", "1")] * x86, []), ("isa/point.c", [], [])]

        def compile_one(job):
            source, macros, isa_flags = job
            return self.compiler.compile(
                [str(KERNELS / "src" / source)],
                output_dir=os.path.join(self.build_temp, *("=".join(macro) for macro in macros)),
                include_dirs=[str(KERNELS / "src")],
                macros=macros,
                extra_postargs=flags + isa_flags,
                depends=SOURCES,
            )

        with ThreadPoolExecutor() as pool:
            *kernels, point = pool.map(compile_one, jobs)
        return [found for objects in kernels for found in objects], point

    def build_extensions(self):
        self.needs_a_compiler()
        openmp, openmp_link = self.openmp_flags()
        unix = self.compiler.compiler_type != "msvc"
        flags = [*(UNIX_FLAGS if unix else ["/O2", "/std:c11"]), *openmp]
        if unix and not openmp:
            flags.append("-fopenmp-simd")
        link = list(openmp_link)
        if not DEBUG:
            link += self.strip_flags()
        ours = ["-Wall", "-Wextra"] if unix else []
        if unix and not openmp:  # n_threads and the pragmas that read it then stand unused
            ours += ["-Wno-unused-parameter", "-Wno-unknown-pragmas"]
        if DEBUG and unix:
            # clang vectorises no loop that is checked, and would say so of each.
            ours += ["-Wconversion", "-Wno-sign-conversion", "-Wno-pass-failed"]
            flags += ["-g", "-fsanitize=undefined", "-fno-sanitize-recover=undefined"]
            link.append("-fsanitize=undefined")
        kernels, point = self.compile_ours(flags + ours)
        for extension in self.extensions:
            extension.extra_compile_args = flags + (["-Wall", "-Wextra"] if unix else [])
            extension.extra_link_args = link
            holds = extension.name.endswith("._runtime")
            extension.extra_objects = point + kernels * holds
        super().build_extensions()


extensions = [
    Extension(
        f"layerwise._kernels.{path.stem}",
        [str(path)],
        include_dirs=[str(KERNELS / "src"), numpy.get_include()],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
        depends=SOURCES,
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
