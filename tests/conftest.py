"""Fixtures of all tests."""

import os

import numpy as np
import pytest

from layerwise.numerics import runtime

# One odd seed by default, so that no test is tuned to a handsome one; all of them on demand.
SEEDS = range(100) if os.environ.get("LAYERWISE_TEST_SEEDS") == "all" else [20121]


@pytest.fixture(params=SEEDS)
def seed(request):
    """A seed that a test must not be tuned to."""
    return request.param


@pytest.fixture
def rng(seed):
    """A numpy generator on the seed."""
    return np.random.default_rng(seed)


@pytest.fixture
def with_threads(monkeypatch):
    """Call a function once for each of 1, 2, 3 and 5 threads, and return the results."""

    def call(function):
        results = []
        for n_threads in (1, 2, 3, 5):
            monkeypatch.setattr(runtime, "count", lambda work, n=n_threads: n)
            results.append(function())
        return results

    return call
