"""What a report of a bug should say of the machine."""

import platform
from importlib.metadata import PackageNotFoundError, version

from layerwise.numerics import runtime

__version__ = "0.1.0"  # the only place: pyproject.toml reads it here

DEPENDENCIES = ("numpy", "scipy", "scikit-learn", "joblib", "threadpoolctl")


def show_versions():
    """Print the versions of Python and of what is installed, and how the kernels run.

    Kernels use OpenMP if they were built with it; ``threads`` is how many they would use now, by
    ``OMP_NUM_THREADS``, threadpoolctl and the processors of this process. ``SIMD`` names the
    instructions that they use, of those that they could use here; ``LAYERWISE_ISA``, set before
    the package is imported, forces one.

    Examples
    --------
    >>> import layerwise
    >>> layerwise.show_versions()  # doctest: +SKIP
    """
    facts = {"python": platform.python_version(), "machine": platform.platform()}
    facts |= {"layerwise": __version__}
    facts |= {name: _version(name) for name in DEPENDENCIES}
    facts |= {"SIMD": f"{runtime.isa()} (of {', '.join(runtime.isas())})"}
    facts |= {"OpenMP": "yes" if runtime.has_openmp() else "no", "threads": runtime.available()}
    width = max(len(name) for name in facts)
    for name, value in facts.items():
        print(f"{name:>{width}}: {value}")


def _version(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
