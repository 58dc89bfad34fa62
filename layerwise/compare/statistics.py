"""What records of a random search say, and how sure that is: resampling, ranks, splits."""

import math

import numpy as np
from scipy import stats

DRAWS = 2000  # of a bootstrap
RANK_DRAWS = 400  # of one of rank correlations, which cost more
ENDS = (2.5, 97.5)  # of an interval, in percent
SEED = 1212  # the same records give the same intervals


def columns(records, *names):
    """Return the named numbers of the records that were trained, as arrays."""
    trained = [record for record in records if record["valid_ll"] is not None]
    return tuple(np.array([record[name] for record in trained], dtype=float) for name in names)


def best_of(valid, test, k):
    """Return what a search of ``k`` of the candidates reaches on test rows.

    The search draws ``k`` different candidates and keeps the one best on validation. All draws
    are summed over, so nothing is simulated.

    Parameters
    ----------
    valid, test : ndarray of shape (n_candidates,)
        Log-likelihoods.
    k : int
        At most ``n_candidates``.

    Returns
    -------
    mean, low, high : float
        Mean, and lower and upper quartile, of the chosen candidate's log-likelihood on test rows.
    """
    n = len(valid)
    order = np.argsort(-valid, kind="stable")
    chance, chances = k / n, np.zeros(n)
    for place in range(n - k + 1):  # that all better ones are left out, and this one is not
        chances[place] = chance
        if place < n - k:
            chance *= (n - place - k) / (n - 1 - place)
    reached = test[order]
    by_test = np.argsort(reached, kind="stable")
    below = np.cumsum(chances[by_test])
    low, high = (reached[by_test][min(np.searchsorted(below, q), n - 1)] for q in (0.25, 0.75))
    return float(chances @ reached), float(low), float(high)


def curve(valid, test):
    """Return ``best_of`` for numbers of candidates that grow by a third, up to all of them.

    Returns
    -------
    dict of str to list
        ``candidates``, and ``mean``, ``low`` and ``high``.
    """
    n, sizes, k = len(valid), [], 1
    while k < n:
        sizes.append(k)
        k = max(k + 1, round(k * 4 / 3))
    sizes += [n] if n else []
    reached = [best_of(valid, test, k) for k in sizes]
    named = zip(("mean", "low", "high"), zip(*reached))
    return {"candidates": sizes, **{name: list(values) for name, values in named}}


def resampled_best(valid, test, draws):
    """Return the test log-likelihood of the best on validation, for each resampling.

    Parameters
    ----------
    valid, test : ndarray of shape (n_candidates,)
    draws : ndarray of shape (n_draws, n_candidates)
        Indices of candidates.
    """
    chosen = np.argmax(valid[draws], axis=1)
    return test[draws[np.arange(len(draws)), chosen]]


def draws(n, n_draws=DRAWS, part=0):
    """Return the indices of a bootstrap of ``n`` things, of shape (n_draws, n)."""
    return np.random.default_rng((SEED, part)).integers(n, size=(n_draws, n))


def interval(value, samples):
    """Return a number with the ends of its 95 % interval, from its resampled values."""
    low, high = np.nanpercentile(samples, ENDS) if len(samples) else (math.nan, math.nan)
    return _finite((value, low, high))


def bootstrapped(statistic, values, n_draws=DRAWS):
    """Return a statistic of values with its interval, or None where there are too few.

    Parameters
    ----------
    statistic : callable
        From an array to a float.
    values : ndarray of shape (n, ...)
    n_draws : int, default=2000
    """
    if len(values) < 3:
        return None
    return interval(
        statistic(values), [statistic(values[drawn]) for drawn in draws(len(values), n_draws)]
    )


def spearman(pairs):
    """Return Spearman's rank correlation of the two columns."""
    x, y = (stats.rankdata(column) for column in pairs.T)
    x, y = x - x.mean(), y - y.mean()
    scale = math.sqrt((x @ x) * (y @ y))
    return float(x @ y) / scale if scale else math.nan


def kendall(pairs):
    """Return Kendall's rank correlation (tau-b) of the two columns."""
    if len(np.unique(pairs[:, 0])) < 2 or len(np.unique(pairs[:, 1])) < 2:
        return math.nan
    return float(stats.kendalltau(pairs[:, 0], pairs[:, 1]).statistic)


def over_splits(values):
    """Return the mean of one number a split with its 95 % interval, by Student's t.

    Parameters
    ----------
    values : list of float
        Two at least, for an interval.
    """
    values = np.asarray(values, dtype=float)
    mean, n = values.mean(), len(values)
    if n < 2:
        return _finite((mean, math.nan, math.nan))
    half = stats.t.ppf(ENDS[1] / 100, n - 1) * values.std(ddof=1) / math.sqrt(n)
    return _finite((mean, mean - half, mean + half))


def _finite(values):
    """Return them as floats, None where there is no number: JSON has no other."""
    return tuple(float(value) if math.isfinite(value) else None for value in values)
