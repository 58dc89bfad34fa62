"""ParallelTempering: PCD whose chains swap states with replicas at higher temperatures."""

from numbers import Integral

import numpy as np

from layerwise._sklearn import Interval
from layerwise.likelihood import tempering
from layerwise.numerics.rbm import mean_over_rows
from layerwise.trainers.contrastive import PCD, first_chains

__all__ = ["ParallelTempering"]


class ParallelTempering(PCD):
    """Persistent contrastive divergence with tempered replicas of the chains.

    As ``PCD``, but each chain has replicas at lower inverse temperatures beta, down to 0, where
    the units are independent. Before each batch all replicas take a Gibbs step, and neighbours on
    the ladder swap states as Metropolis has it; the chains at beta 1 go on as those of ``PCD`` do.
    So they come to clusters that are far apart, which chains alone never leave: it is for data
    that lie in such clusters, and costs about ``n_replicas`` times as much.

    After each pass the ladder moves towards betas whose neighbours all swap alike. ``history_``
    tells the ``"swap_rate"`` of each pass, of the neighbours that swap least: where it is below
    about 0.2, take more replicas.

    It draws samples too: ``rbm.sample(n, sampler=ParallelTempering())``, with as many replicas,
    and warns where neighbours swap seldom.

    Parameters
    ----------
    n_steps : int, default=1
        Gibbs steps per batch of the chains at beta 1, beside those with all replicas.
    n_chains : int, default=100
        At each beta.
    n_replicas : int, default=10
        Betas of the ladder, 1 and 0 among them. At least 2.
    learning_rate, momentum, weight_decay, batch_size, n_passes, optimizer, schedule : as of PCD
    averaging, resample, l1_decay, centered, sparsity_target, sparsity_cost : as of PCD
    early_stopping, validation_fraction, n_passes_no_change : as of PCD

    References
    ----------
    Desjardins, Courville, Bengio, Vincent and Delalleau, "Tempered Markov chain Monte Carlo for
    training of restricted Boltzmann machines", 2010.
    Cho, Raiko and Ilin, "Parallel tempering is efficient for learning restricted Boltzmann
    machines", 2010.
    Syed, Bouchard-Cote, Deligiannidis and Doucet, "Non-reversible parallel tempering", 2022.

    Examples
    --------
    >>> from layerwise import RBM, ParallelTempering
    >>> from layerwise.datasets import load_tea
    >>> tea = load_tea(random_state=7)
    >>> trainer = ParallelTempering(n_passes=20, n_replicas=5)
    >>> rbm = RBM(8, trainer=trainer, random_state=7).fit(tea.train)
    >>> bool(rbm.history_["swap_rate"][-1] > 0.2)
    True
    """

    _parameter_constraints = PCD._parameter_constraints | {
        "n_replicas": [Interval(Integral, 2, None, closed="left")]
    }

    def __init__(
        self, n_steps=1, *, n_chains=100, n_replicas=10, learning_rate=0.05, momentum=0.5,
        weight_decay=0.0, batch_size=100, n_passes=50, optimizer="sgd", schedule="constant",
        averaging=0.0, resample=True, l1_decay=0.0, centered=False, sparsity_target=None,
        sparsity_cost=0.1, early_stopping=False, validation_fraction=0.1, n_passes_no_change=10,
    ):  # fmt: skip
        super().__init__(
            n_steps, n_chains=n_chains, learning_rate=learning_rate, momentum=momentum,
            weight_decay=weight_decay, batch_size=batch_size, n_passes=n_passes,
            optimizer=optimizer, schedule=schedule, averaging=averaging, resample=resample,
            l1_decay=l1_decay, centered=centered, sparsity_target=sparsity_target,
            sparsity_cost=sparsity_cost, early_stopping=early_stopping,
            validation_fraction=validation_fraction, n_passes_no_change=n_passes_no_change,
        )  # fmt: skip
        self.n_replicas = n_replicas

    @property
    def _n_kept(self):
        return self.n_chains * self.n_replicas

    def _chains(self, model, rows, stream):
        return np.ascontiguousarray(first_chains(self._n_kept, model, rows, stream))

    def _cost(self, state, rows):
        cost = super()._cost(state, rows)
        return {name: value * self.n_replicas for name, value in cost.items()}

    def _prepare(self, state, rows):
        model = state.model
        if state.ladder is None or len(state.ladder.betas) != self.n_replicas:
            state.ladder = tempering.Ladder.even(self.n_replicas)
        base = tempering.first_base(model, rows.expected(), rows.weights)
        replicas = tempering.Replicas(model, *base, state.ladder, state.chains)
        coldest = state.chains[: self.n_chains]
        descend, watch = super()._prepare(state, rows, chains=coldest)

        def step(X, order, rate, stream):
            gaps = []
            for index, first in enumerate(range(0, len(order), self.batch_size)):
                replicas.step(1, stream.child("replicas", index))
                batch = order[first : first + self.batch_size]
                gaps.append(descend(X, batch, rate, stream.child("batch", index)))
            rates = state.ladder.swap_rates
            state.swap_rate = float(np.min(rates[~np.isnan(rates)]))
            state.ladder.adapt()
            return mean_over_rows(np.array(gaps), order, self.batch_size, rows.weights)

        return step, watch

    def draw(self, params, start, n_steps, stream):
        """Return visible states of an RBM after tempered steps, as ``RBM.sample`` takes them.

        Parameters
        ----------
        params : RBMParams
        start : ndarray of shape (n_samples, n_visible)
        n_steps : int
        stream : Stream

        Returns
        -------
        states : ndarray of shape (n_samples, n_visible)
        advice : str or None
            What is to be said where neighbours on the ladder swap in less than 20 % of the cases.
        """
        self.check()
        states, ladder = tempering.sample(params, start, self.n_replicas, n_steps, stream)
        rates = ladder.swap_rates[ladder.tried > 0]
        if not len(rates) or rates.min() >= tempering.LEAST_RATE:
            return states, None
        return states, (
            f"Of {self.n_replicas} tempered replicas the neighbours that swap least did so in "
            f"{rates.min():.0%} of the cases: samples may stay in the clusters where they began. "
            "Pass ParallelTempering more n_replicas."
        )
