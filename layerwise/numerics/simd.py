"""Which instructions the kernels use: ``LAYERWISE_SIMD`` names them, else the best that run here.

The variable is read once, when the package is imported: "portable", "avx2" or "avx512". Results
differ between them in their last bits; on each they are the same for any number of threads.
"""

from layerwise._kernels import _paths


def taken():
    """Return the name of the instructions in use."""
    return _paths.taken()


def runnable():
    """Return the names of all that this build has and this machine runs, the best last."""
    return _paths.paths()
