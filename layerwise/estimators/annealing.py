"""AIS and RAISE: how log Z of an RBM is found where it cannot be summed, as parameters."""

import warnings
from collections import OrderedDict
from numbers import Integral
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning

from layerwise._saving import WithDefaults
from layerwise._sklearn import (
    NON_NEGATIVE_INTEGER,
    POSITIVE,
    POSITIVE_INTEGER,
    Interval,
    StrOptions,
)
from layerwise.likelihood import ais
from layerwise.likelihood.annealed import own_stream
from layerwise.likelihood.betas import NAMED
from layerwise.likelihood.estimate import Estimate
from layerwise.likelihood.partition import SUM_LIMIT, listed_layer, log_z
from layerwise.numerics.rows import issparse
from layerwise.numerics.streams import Stream

__all__ = ["AIS", "RAISE", "log_partition", "taken_log_z"]

# Estimates that are kept, so that a model that is asked again need not be annealed again.
KEPT = 64
NAMES = {"cheap", "reference"}
AT_LEAST_TWO = Interval(Integral, 2, None, closed="left")

_kept = OrderedDict()


def _betas(asked):
    """Return betas from 0 to 1, both included; None if adaptive."""
    if isinstance(asked, str):
        return NAMED.get(asked)
    if isinstance(asked, Integral):
        return np.linspace(0, 1, asked + 1)
    betas = np.asarray(asked, dtype=np.float64)
    if betas.ndim != 1 or len(betas) < 2 or betas[0] != 0 or betas[-1] != 1:
        raise ValueError(
            f"betas must rise from 0 to 1, both included, and got {asked!r}. Pass a number of "
            "steps, 'cheap' or 'reference' for those by name."
        )
    if not np.all(np.diff(betas) > 0):
        raise ValueError("betas must rise from each to the next. Sort them and leave out doubles.")
    return betas


def _stream(random_state, params):
    return own_stream(params) if random_state is None else Stream.from_random_state(random_state)


class AIS(WithDefaults, BaseEstimator):
    """Annealed importance sampling: log Z of an RBM of any size, from both sides.

    Chains are annealed from independent units, with the means that the RBM's own visible units
    have, to the RBM, and others from the RBM back to these units. The mean weight of the first is
    Z on average, and so a low estimate of log Z: it seldom is too large. That of the others is a
    high one, if their first states are draws from the RBM. Both together are a bracket, and what
    they say of each other gives the value in it.

    Parameters
    ----------
    n_chains : int, default=100
        In each direction. At least 2.
    betas : {"adaptive", "cheap", "reference"}, int or array-like, default="adaptive"
        The inverse temperatures between the units, at 0, and the RBM, at 1. ``"reference"`` are
        14,500 (Salakhutdinov and Murray, 2008), ``"cheap"`` are 1000, and an int is so many,
        evenly spaced. ``"adaptive"`` begins with 1000 and adds betas, close to each other where
        log weights spread, where weights differ much, and else chains, until the bracket is no
        wider than ``tol``, or ``max_steps`` are spent.
    tol : float, default=0.1
        Width of the bracket that is asked for, in nats.
    max_steps : int, default=5_000_000
        Gibbs steps of all chains together, at most, of an adaptive run: about half a minute of two
        cores for 784 x 500 units.
    n_burn : int, default=1000
        Gibbs steps of the RBM itself before chains come down from it.
    random_state : int, RandomState instance or None, default=None
        None draws the numbers that are the RBM's own: equal parameters have equal estimates.

    See Also
    --------
    RAISE : A low estimate of the log-likelihood of rows, which needs no draw from the RBM.
    log_partition : Takes it as ``method``.

    Notes
    -----
    The ends of the bracket are 3 standard errors beyond the two estimates, and the lower one of an
    estimate never further than the probability 1/740 that a mean of weights exceeds its
    expectation so many times. The high side takes for granted that the chains that come down
    start from the RBM: they are the chains that came up, drawn again by their weights, after
    ``n_burn`` steps, and every other one starts from a row, where there are rows: a fitted RBM
    keeps some, ``examples_``. Where those from rows say more, the bracket goes up to theirs.
    States that neither comes to are left out, and the bracket is about the rest.

    The value is that of Bennett's (1976) acceptance ratio, which weighs both directions. Chains
    are computed in float32, sums over blocks of units and over steps in float64.

    References
    ----------
    Neal, "Annealed importance sampling", 2001.
    Salakhutdinov and Murray, "On the quantitative analysis of deep belief networks", 2008.
    Burda, Grosse and Salakhutdinov, "Accurate and conservative estimates of MRF log-likelihood
    using reverse annealing", 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from layerwise import AIS, RBM, log_partition
    >>> rng = np.random.default_rng(7)
    >>> rbm = RBM.from_parameters(rng.normal(size=(40, 50)) / 7, np.zeros(50), np.zeros(40))
    >>> found = log_partition(rbm, method=AIS(tol=0.1))
    >>> found.high - found.low < 0.1
    True
    """

    _parameter_constraints: ClassVar = {
        "n_chains": [AT_LEAST_TWO],
        "betas": [StrOptions({"adaptive", *NAMES}), POSITIVE_INTEGER, "array-like"],
        "tol": [POSITIVE],
        "max_steps": [POSITIVE_INTEGER],
        "n_burn": [NON_NEGATIVE_INTEGER],
        "random_state": ["random_state"],
    }

    def __init__(
        self, n_chains=100, betas="adaptive", *, tol=0.1, max_steps=5_000_000, n_burn=1000,
        random_state=None,
    ):  # fmt: skip
        self.n_chains = n_chains
        self.betas = betas
        self.tol = tol
        self.max_steps = max_steps
        self.n_burn = n_burn
        self.random_state = random_state

    def check(self):
        """Raise ``ValueError`` for the first parameter that is not what it must be."""
        self._validate_params()
        _betas(self.betas)

    def log_partition(self, params, X=None, *, progress=None):
        """Return log Z of an RBM; of one that was asked for before, what was found then.

        Parameters
        ----------
        params : RBMParams
        X : ndarray or CSR of shape (n_rows, n_visible), default=None
            Rows of states like those that the RBM was trained on. If given, half of the chains
            that come down start from them; of 100 and more the units that chains come up from
            have the means.
        progress : callable, default=None
            Called now and then as ``progress(done, all)``, of each run of chains anew.

        Returns
        -------
        AnnealedEstimate
        """
        self.check()
        stream, betas = _stream(self.random_state, params), _betas(self.betas)
        plan = ais.Plan(self.n_chains, betas, self.tol, self.max_steps, self.n_burn)
        if issparse(X):
            return ais.log_z(params, stream, plan, X, progress)
        own = own_stream(params), str(params.visible), str(params.hidden), params.components.shape
        schedule = None if betas is None else betas.tobytes()
        rows = None if X is None else Stream.of_values(X)
        key = (*own, stream, schedule, rows, self.n_chains, self.tol, self.max_steps, self.n_burn)
        if key not in _kept:
            _kept[key] = ais.log_z(params, stream, plan, X, progress)
            if len(_kept) > KEPT:
                _kept.popitem(last=False)
        return _kept[key]


class RAISE(WithDefaults, BaseEstimator):
    """Reverse annealing of rows: a low estimate of their log-likelihoods under an RBM of any size.

    From each row chains are annealed to independent units. The mean of their weights is the
    probability of the row under the model that annealing itself is, which comes close to the RBM
    as betas become many; its logarithm is too low on average, however few they are. No draw from
    the RBM is needed.

    Parameters
    ----------
    n_chains : int, default=10
        Of each row. At least 2.
    betas : {"cheap", "reference"}, int or array-like, default="cheap"
        As of :class:`AIS`.
    random_state : int, RandomState instance or None, default=None
        None draws the numbers that are the RBM's own.

    See Also
    --------
    AIS : log Z from both sides, at a cost that does not depend on the number of rows.

    References
    ----------
    Burda, Grosse and Salakhutdinov, "Accurate and conservative estimates of MRF log-likelihood
    using reverse annealing", 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from layerwise import RAISE, RBM, log_likelihood
    >>> rbm = RBM.from_parameters(np.zeros((300, 5)), np.zeros(5), np.zeros(300))
    >>> found = log_likelihood(rbm, np.eye(5), method=RAISE())
    >>> bool(abs(found.value - 5 * np.log(0.5)) < 0.01)  # five fair coins
    True
    """

    _parameter_constraints: ClassVar = {
        "n_chains": [AT_LEAST_TWO],
        "betas": [StrOptions(NAMES), POSITIVE_INTEGER, "array-like"],
        "random_state": ["random_state"],
    }

    def __init__(self, n_chains=10, betas="cheap", *, random_state=None):
        self.n_chains = n_chains
        self.betas = betas
        self.random_state = random_state

    def check(self):
        """Raise ``ValueError`` for the first parameter that is not what it must be."""
        self._validate_params()
        _betas(self.betas)

    def log_probabilities(self, params, X):
        """Return a low estimate of log p of each row, and the standard error of each.

        Parameters
        ----------
        params : RBMParams
        X : ndarray or CSR of shape (n_rows, n_visible)
            Rows of states.

        Returns
        -------
        value, error : ndarray of shape (n_rows,)
        """
        self.check()
        stream = _stream(self.random_state, params)
        return ais.log_probabilities(params, X, stream, self.n_chains, _betas(self.betas))


def log_partition(params, method="auto", X=None, *, n_jobs=1, progress=None):
    """Return log Z of an RBM, exactly or by annealing.

    Parameters
    ----------
    params : RBMParams
    method : {"auto", "exact"} or AIS, default="auto"
        ``"auto"`` is exact where it can be, and else ``AIS()``.
    X : ndarray or CSR of shape (n_rows, n_visible), default=None
        As in ``AIS.log_partition``.
    n_jobs, progress
        As in ``partition.log_z``.

    Returns
    -------
    Estimate
    """
    if isinstance(method, str) and method == "auto":
        method = "exact" if listed_layer(params)[1] <= SUM_LIMIT else AIS()
    if isinstance(method, str):
        value = log_z(params, n_jobs=n_jobs, progress=progress)
        return Estimate.exact(value, "sum over all states of the smaller layer")
    return method.log_partition(params, X, progress=progress)


def taken_log_z(rbm):
    """Return the number that is taken for log Z, with a warning where its bracket is wide.

    Parameters
    ----------
    rbm : RBM
        Fitted: what its ``likelihood`` says is taken, and rows that it has kept.

    Returns
    -------
    float
    """
    method = rbm.likelihood
    found = log_partition(rbm.params_, method, rbm.kept_rows)
    if found.high - found.low > getattr(method, "tol", AIS().tol):
        warnings.warn(
            f"log Z of this RBM is known to lie in [{found.low:.2f}, {found.high:.2f}] only, and "
            f"{found.value:.2f} is taken: all log-likelihoods may be off by the same number. "
            "Raise max_steps or tol of RBM(likelihood=AIS(...)).",
            ConvergenceWarning,
            stacklevel=4,
        )
    return found.value
