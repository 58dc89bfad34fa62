"""One process for each side of a contest, asleep while the other is timed.

A side is a library and a number of threads, which its process is told by the environment before
the library is loaded. In a process of its own, no library meets the idle threads of another's
pool: those of OpenBLAS spin for a while on the cores that our threads are to run on.
"""

import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor

from worker import last_value, median_seconds

# What OpenMP (and with it torch), OpenBLAS, MKL and numba ask for their number of threads.
VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
# Seconds until the threads of the other side have stopped spinning; OpenBLAS takes 0.03.
PAUSE = 0.1


class Sides:
    """Processes by library and number of threads, started when first asked."""

    def __init__(self):
        self.pools = {}

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for pool in self.pools.values():
            pool.shutdown()

    def ask(self, side, function, *args):
        """Return ``function(*args)`` of the process of a side, (library, threads)."""
        if side not in self.pools:
            os.environ.update(dict.fromkeys(VARIABLES, str(side[1])))
            self.pools[side] = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
        return self.pools[side].submit(function, *args).result()

    def value(self, side, task, calls=1):
        """Return what the last of some calls of a task returns."""
        return self.ask(side, last_value, task, calls)

    def seconds(self, side, task, least):
        """Return the median seconds of a call, over calls that take ``least`` seconds in all."""
        if side[1] > 1:
            time.sleep(PAUSE)
        return self.ask(side, median_seconds, task, least)
