"""VariationalBound: a bound of log-likelihoods of deep models that cannot be summed."""

from numbers import Integral
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator

from layerwise._saving import WithDefaults
from layerwise._sklearn import Interval
from layerwise.exceptions import Incompatible
from layerwise.likelihood.annealed import flat
from layerwise.likelihood.bounds import bound, check_inferences, marginal_bound
from layerwise.numerics.streams import Stream

__all__ = ["VariationalBound"]


class VariationalBound(WithDefaults, BaseEstimator):
    """A lower bound of the log-likelihood of rows under a :class:`DBN` of any size.

    The latent states of a row are drawn from the layers' inference models, from the bottom up to
    the visible units of the top RBM. With w = p(x | h1) p(h1 | h2) .. p_top / (q(h1 | x)
    q(h2 | h1) ..), the mean of log w is the variational bound, and the log of the mean of K
    weights the importance-weighted one, which is closer: it rises with K, on average, to
    log p(x). With ``n_steps`` it is an estimate by annealed importance sampling over the whole
    model, a low one still: each draw is led in so many steps from the inference to the posterior,
    and a few draws then say as much as very many.

    Parameters
    ----------
    n_draws : int, default=100
        Of each row, K. At least 2.
    weighted : bool, default=True
        Whether it is the importance-weighted bound; False is the variational one, the mean of log
        weights.
    n_steps : int, default=0
        Steps of Metropolis that lead each draw to the posterior, each at a beta of its own.
    random_state : int, RandomState instance or None, default=None
        None draws the numbers that are the model's own: equal parameters have equal bounds.

    Notes
    -----
    Log Z of the top RBM is what its own ``likelihood`` says: exact where it can be summed, and
    else that of :class:`AIS`, whose bracket enters ``low`` of what :func:`log_likelihood` returns.

    References
    ----------
    Hinton, Osindero and Teh, "A fast learning algorithm for deep belief nets", 2006.
    Salakhutdinov and Murray, "On the quantitative analysis of deep belief networks", 2008.
    Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders", 2016.
    Neal, "Annealed importance sampling", 2001.
    Zanella, "Informed proposals for local MCMC in discrete spaces", 2020.
    Zhang, Liu and Liu, "A Langevin-like sampler for discrete distributions", 2022.

    Examples
    --------
    >>> from layerwise import DBN, RBM, VariationalBound, log_likelihood
    >>> from layerwise.datasets import load_tea
    >>> tea = load_tea(random_state=7)
    >>> dbn = DBN([RBM(8), RBM(6)], random_state=7).fit(tea.train)
    >>> bound = log_likelihood(dbn, tea.test, method=VariationalBound(50))
    >>> exact = log_likelihood(dbn, tea.test)
    >>> bool(exact.value - 0.5 < bound.value < exact.value)
    True
    """

    _parameter_constraints: ClassVar = {
        "n_draws": [Interval(Integral, 2, None, closed="left")],
        "weighted": ["boolean"],
        "n_steps": [Interval(Integral, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(self, n_draws=100, *, weighted=True, n_steps=0, random_state=None):
        self.n_draws = n_draws
        self.weighted = weighted
        self.n_steps = n_steps
        self.random_state = random_state

    def check(self):
        """Raise ``ValueError`` for the first parameter that is not what it must be."""
        self._validate_params()

    def of_rows(self, dbn, inferences, X):
        """Return the bound of each row without log Z of the top, and the standard error of each.

        Parameters
        ----------
        dbn : DBNParams
        inferences : list
            q(h | x) of each layer below the top.
        X : ndarray or CSR of shape (n_rows, n_visible)
            States.

        Returns
        -------
        value, error : ndarray of shape (n_rows,)
        """
        self.check()
        check_inferences(inferences)
        stream = self._stream([*dbn.conditionals, dbn.top]).child("bound")
        return bound(
            dbn, inferences, X, stream, self.n_draws, weighted=self.weighted,
            n_steps=self.n_steps,
        )  # fmt: skip

    def of_layer(self, conditional, inference, X, over):
        """Return the bound of each row under a layer's aggregated inference, and its error.

        Parameters
        ----------
        conditional : Conditional
        inference : object with ``sample`` and ``log_odds``
        X : ndarray or CSR of shape (n_rows, n_visible)
            States.
        over : pair of ndarray or CSR, and ndarray or None
            Rows that the inference is aggregated over, and their shares.

        Returns
        -------
        value, error : ndarray of shape (n_rows,)
        """
        self.check()
        check_inferences([inference])
        if self.n_steps:
            raise Incompatible(
                f"n_steps={self.n_steps} anneals latent states to the posterior of a DBN, and a "
                "layer alone has no top. Use n_steps=0 and more draws."
            )
        stream = self._stream([conditional]).child("layer")
        return marginal_bound(
            conditional, inference, X, over, stream, self.n_draws, weighted=self.weighted
        )

    def _stream(self, parts):
        """Return where numbers come from: if not told, a stream of the model's own."""
        if self.random_state is None:
            return Stream.of_values(np.concatenate([flat(each) for each in parts]))
        return Stream.from_random_state(self.random_state)

    @property
    def told(self):
        """What it is, in words."""
        kind = "importance-weighted" if self.weighted else "variational"
        annealed = f", annealed in {self.n_steps} steps" if self.n_steps else ""
        return f"{kind} lower bound, {self.n_draws} draws of each row's latent states{annealed}"
