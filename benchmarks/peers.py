"""Side by side with what a user would pick instead: interleaved medians, and their ratios.

    python benchmarks/peers.py [--threads 1] [--repeats 5]

Only ratios of one run are to be trusted: seconds move by a factor of two on a shared machine. Each
contest alternates ours and theirs, and prints the medians. Rivals that are not installed are
skipped with a note. What a bar asks for stands beside what was measured.
"""

import argparse
import statistics
import time
import warnings
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
from sklearn.neural_network import BernoulliRBM
from threadpoolctl import threadpool_limits

from layerwise import CD, PCD, Backprop, best_latent_marginal
from layerwise.datasets import load_tea
from layerwise.likelihood.exact import mixture_log_likelihood
from layerwise.models.chain import AutoEncoderParams, Chain
from layerwise.models.conditional import Conditional
from layerwise.models.rbm import RBMParams
from layerwise.models.rows import Rows
from layerwise.numerics import states
from layerwise.numerics.streams import Stream

STREAM = Stream(bytes(range(16)))


def log_sum_exp(values):
    """Return log(sum(exp(values)))."""
    top = values.max()
    return top + np.log(np.exp(values - top).sum())


def bits(first, last, n):
    """Return the states with these indices."""
    return (np.arange(first, last)[:, None] >> np.arange(n) & 1).astype(float)


def numpy_log_z(weights, a, c):
    """Log Z as most people write it: a gemm and a logaddexp, 4,096 states at a time."""
    n = len(c)
    parts = []
    for first in range(0, 2**n, 4096):
        h = bits(first, min(first + 4096, 2**n), n)
        parts.append(log_sum_exp(h @ c + np.logaddexp(0, h @ weights.T + a).sum(axis=1)))
    return log_sum_exp(np.array(parts))


def numpy_deep(layer, log_marginal, X):
    """Log-likelihoods as the table of rows x latent states, 4,096 states at a time."""
    n = layer.n_latent
    parts = []
    for first in range(0, 2**n, 4096):
        h = bits(first, min(first + 4096, 2**n), n)
        field = h @ layer.weights + layer.bias
        table = (
            X @ field.T - np.logaddexp(0, field).sum(axis=1) + log_marginal[first : first + 4096]
        )
        parts.append(np.logaddexp.reduce(table, axis=1))
    return np.logaddexp.reduce(parts, axis=0)


def log_z(n, m):
    """Contest of log Z with n units listed and m summed in closed form."""
    rng = np.random.default_rng(20121)
    model = 0.1 * rng.normal(size=(m, n)), rng.normal(size=m), rng.normal(size=n)
    assert np.isclose(states.log_partition(*model), numpy_log_z(*model), rtol=1e-12)
    return lambda: states.log_partition(*model), lambda: numpy_log_z(*model)


def moments(n, m):
    """Moments against log Z alone: ours on both sides."""
    rng = np.random.default_rng(20121)
    model = 0.1 * rng.normal(size=(m, n)), rng.normal(size=m), rng.normal(size=n)
    return lambda: states.log_partition(*model), lambda: states.moments(*model)


def deep(n, n_rows):
    """Contest of deep log-likelihoods."""
    rng = np.random.default_rng(20121)
    layer = Conditional(0.3 * rng.normal(size=(n, 100)), rng.normal(size=100))
    X = rng.integers(0, 2, size=(n_rows, 100)).astype(float)
    w = rng.normal(size=2**n)
    w -= log_sum_exp(w)
    assert np.allclose(mixture_log_likelihood(layer, w, X[:9]), numpy_deep(layer, w, X[:9]), 1e-12)
    return lambda: mixture_log_likelihood(layer, w, X), lambda: numpy_deep(layer, w, X)


def contrastive(kind, n_visible, n_hidden, batch, n_rows):
    """Contest of a pass of CD-1 or PCD-1 with scikit-learn's, both float32."""
    rng = np.random.default_rng(20121)
    X = (rng.random((n_rows, n_visible)) < 0.2).astype(np.float32)
    params = RBMParams.init(X, n_hidden, STREAM, np.float32)
    extra = {"n_chains": batch} if kind is PCD else {}
    ours = kind(batch_size=batch, n_passes=10**9, **extra).passes(params, Rows(X), STREAM)
    theirs = BernoulliRBM(n_hidden, batch_size=batch, n_iter=1, random_state=7)
    return lambda: next(ours), lambda: theirs.fit(X)


def backprop(sizes, batch, n_rows):
    """Contest of a pass of back-propagation with torch's, both float32 with Adam."""
    import torch

    rng = np.random.default_rng(20121)
    X = (rng.random((n_rows, sizes[0])) < 0.2).astype(np.float32)
    chain = Chain.init(sizes, ("sigmoid",) * (len(sizes) - 1), STREAM, dtype=np.float32)
    params = AutoEncoderParams(chain, len(sizes) - 2)
    ours = Backprop(batch_size=batch, n_passes=10**9).passes(params, Rows(X), STREAM)

    stack = []
    for n_in, n_out in pairwise(sizes):
        stack += [torch.nn.Linear(n_in, n_out), torch.nn.Sigmoid()]
    network = torch.nn.Sequential(*stack[:-1])  # the loss takes log-odds
    adam = torch.optim.Adam(network.parameters(), fused=True)
    loss = torch.nn.BCEWithLogitsLoss(reduction="sum")
    data = torch.from_numpy(X)

    def theirs():
        for index in torch.randperm(n_rows).split(batch):
            adam.zero_grad()
            value = loss(network(data[index]), data[index]) / len(index)
            value.backward()
            adam.step()

    return lambda: next(ours), theirs


# Name, rival, contest, and the bar: at least so many times faster than the rival.
CONTESTS = [
    ("log Z, n=20 m=100", "numpy", lambda: log_z(20, 100), 50),
    ("deep log-likelihood, n=16, 2,000 rows", "numpy", lambda: deep(16, 2000), 20),
    ("CD-1 784x500, batch 100", "sklearn", lambda: contrastive(CD, 784, 500, 100, 1000), 1),
    ("CD-1 100x16, batch 10", "sklearn", lambda: contrastive(CD, 100, 16, 10, 1000), 3),
    ("PCD-1 784x500, batch 100", "sklearn", lambda: contrastive(PCD, 784, 500, 100, 1000), None),
    ("PCD-1 100x16, batch 10", "sklearn", lambda: contrastive(PCD, 100, 16, 10, 1000), None),
    (
        "Adam 100-200-16-100, batch 20",
        "torch",
        lambda: backprop((100, 200, 16, 100), 20, 81),
        None,
    ),
    ("Adam 784-500-784, batch 100", "torch", lambda: backprop((784, 500, 784), 100, 1000), None),
    ("log Z against moments, n=16 m=100", "moments", lambda: moments(16, 100), None),
]


def median_times(ours, theirs, repeats):
    """Return the median seconds of each, taken in turn after one call that does not count."""
    ours(), theirs()
    times = [], []
    for _ in range(repeats):
        for function, seconds in zip((ours, theirs), times):
            start = time.perf_counter()
            function()
            seconds.append(time.perf_counter() - start)
    return [statistics.median(seconds) for seconds in times]


def main():
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()

    print(f"{options.threads} thread(s) on both sides; medians of {options.repeats}, interleaved")
    print(
        f"{'contest':<40} {'rival':>8} {'ours ms':>10} {'theirs ms':>10} {'ratio':>7} {'bar':>5}"
    )
    with threadpool_limits(options.threads), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if find_spec("torch"):
            import torch

            torch.set_num_threads(options.threads)
        for name, rival, contest, bar in CONTESTS:
            if rival == "torch" and not find_spec("torch"):
                print(f"{name:<40} {rival:>8} is not installed: skipped")
                continue
            ours, theirs = median_times(*contest(), options.repeats)
            ratio = theirs / ours
            met = "" if bar is None else f"{bar:>4}x {'met' if ratio >= bar else 'MISSED'}"
            figures = f"{ours * 1e3:10.3f} {theirs * 1e3:10.3f} {ratio:6.1f}x"
            print(f"{name:<40} {rival:>8} {figures} {met}", flush=True)
        marginal()


def marginal():
    """Print how long the best latent marginal of Tea takes, at 12 latent units."""
    tea = load_tea(random_state=20121)
    rng = np.random.default_rng(20121)
    layer = Conditional(rng.normal(size=(12, 100)), rng.normal(size=100))
    start = time.perf_counter()
    found = best_latent_marginal(layer, tea.train, tol=1e-4)
    seconds = time.perf_counter() - start
    print(
        f"best latent marginal on Tea, 12 units: bracket {found.high - found.low:.1e} nats "
        f"in {seconds:.3f} s"
    )


if __name__ == "__main__":
    main()
