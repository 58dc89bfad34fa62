"""Jobs side by side: in processes, or wherever ``joblib.parallel_config`` sends them."""

import os
import signal
import threading
import time
import warnings
from contextlib import ExitStack, contextmanager, nullcontext
from itertools import takewhile
from multiprocessing import resource_tracker

from joblib import Parallel, delayed, effective_n_jobs


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
    closing = threading.Event()
    wanted = takewhile(lambda job: not closing.is_set(), jobs)
    calls = (delayed(_call)(function, caller, job) for job in wanted)
    # Closed on the way out, so that an interrupt ends the workers too.
    with ExitStack() as stack:
        with _signals_wait() if effective_n_jobs(n_jobs) > 1 else nullcontext():
            results = parallel(calls)
            stack.callback(_close, results, closing)
        # "yield from" would close them itself, and joblib would warn.
        for result in results:  # noqa: UP028
            yield result
        stack.pop_all()


def _close(results, closing):
    # loky's thread takes the next job as it hands over a result, and if it is told to end before
    # it has passed that job on, it looks for it among those that it has just dropped: a KeyError
    # that nobody catches, and a traceback. So it gets no more jobs, and time to pass on its last.
    closing.set()
    time.sleep(0.1)
    # joblib warns of jobs that nobody will have; whoever closes this early wants none.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        results.close()


@contextmanager
def _signals_wait():
    """Hold back the signals that this process answers, and keep them from those it starts.

    Workers that are half started cannot be ended in order. And a signal from the terminal, or
    from whoever ends a whole job, reaches every process of a group: a worker would print a
    traceback of its own, and joblib's cleaner would lose its list. Of a signal that nobody here
    answers this process dies at once, and so may they.
    """
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    handlers = {getattr(signal, name): signal.getsignal(getattr(signal, name)) for name in names}
    handlers = {number: handler for number, handler in handlers.items() if callable(handler)}
    main = threading.current_thread() is threading.main_thread()
    if not main or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    came = []
    for number in handlers:
        signal.signal(number, lambda number, frame: came.append(number))
    # What is blocked here is blocked in what is started here; other threads still take signals,
    # hence the handlers. Python's cleaner opens the way again for two of them when it starts.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, handlers)
    try:
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, handlers)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number in came:
            signal.raise_signal(number)


def _call(function, caller, job):
    # Workers that others have started before listen to the keyboard, and only the caller should
    # answer it. On a cluster a job may run in a thread, which no signal reaches.
    if os.getpid() != caller and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return function(*job)
