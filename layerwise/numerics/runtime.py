"""What kernels run on: how many OpenMP threads they get, and which instruction set they use.

Threads are never a parameter, always ``count``. ``LAYERWISE_ISA`` names the instruction set
("portable", "avx2" or "avx512"), else it is the best that runs here; the variable is read once,
when the package is imported. Results differ between instruction sets in their last bits; on each
they are the same for any number of threads.
"""

import os
from functools import cache

import joblib

from layerwise._kernels import _runtime

# A parallel region costs about 1 microsecond when threads are warm and 30 after a pause. Half a
# million multiply-adds take one core about 20 microseconds: below that, threads do not pay.
WORK_OF_A_THREAD = 500_000

# A child of os.fork inherits OpenMP's account of its threads, but not the threads: a parallel
# region would wait for them for ever. So it takes one thread, and the same bits come of it.
_forked = False


def _after_fork():
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@cache
def _processors():
    return joblib.cpu_count(only_physical_cores=True)


def available():
    """Threads that OpenMP would use now: OMP_NUM_THREADS, threadpoolctl and cgroups are obeyed.

    1 in a process that was forked without an ``exec``, as ``multiprocessing`` does by "fork".
    """
    if _forked:
        return 1
    most = _runtime.max_threads()
    if os.environ.get("OMP_NUM_THREADS"):
        return most
    return min(most, _processors())


def has_openmp():
    """Return whether the kernels were built with OpenMP."""
    return _runtime.has_openmp()


def count(work):
    """Return the threads to use for ``work`` multiply-adds or the like: 1 if more do not pay."""
    return max(1, min(available(), int(work) // WORK_OF_A_THREAD))


def isa():
    """Return the name of the instruction set in use."""
    return _runtime.isa()


def isas():
    """Return the names of all that this build has and this machine runs, the best last."""
    return _runtime.isas()
