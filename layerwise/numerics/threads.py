"""How many OpenMP threads a kernel gets: never a parameter, always one function."""

import os
from functools import cache

import joblib

from layerwise._kernels import _threads

# A parallel region costs about 1 microsecond when threads are warm and 30 after a pause. Half a
# million multiply-adds take one core about 20 microseconds: below that, threads do not pay.
WORK_OF_A_THREAD = 500_000


@cache
def _processors():
    return joblib.cpu_count(only_physical_cores=True)


def available():
    """Threads that OpenMP would use now: OMP_NUM_THREADS, threadpoolctl and cgroups are obeyed."""
    most = _threads.max_threads()
    if os.environ.get("OMP_NUM_THREADS"):
        return most
    return min(most, _processors())


def has_openmp():
    """Return whether the kernels were built with OpenMP."""
    return _threads.has_openmp()


def count(work):
    """Return the threads to use for ``work`` multiply-adds (or as dear): 1 if more do not pay."""
    return max(1, min(available(), int(work) // WORK_OF_A_THREAD))
