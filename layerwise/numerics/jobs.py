"""Jobs side by side: in processes, or wherever ``joblib.parallel_config`` sends them."""

import os
import signal
import threading
from contextlib import closing

from joblib import Parallel, delayed


def run(function, jobs, n_jobs):
    """Yield what the function returns for each job, as it is done.

    Parameters
    ----------
    function : callable
        Can be pickled, as can its arguments.
    jobs : list of tuple
        The arguments of each job.
    n_jobs : int or None
        As in joblib. OpenMP's threads share the processors that the jobs leave.
    """
    caller = os.getpid()
    parallel = Parallel(n_jobs=n_jobs, batch_size=1, return_as="generator_unordered")
    calls = (delayed(_call)(function, caller, job) for job in jobs)
    # Closed on the way out, so that an interrupt ends the workers too.
    with closing(parallel(calls)) as results:
        yield from results


def _call(function, caller, job):
    # An interrupt from the keyboard reaches every process of the terminal. Only the caller
    # answers it: a worker would print a traceback of its own. On a cluster a job may run in a
    # thread, which no signal reaches.
    if os.getpid() != caller and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return function(*job)
