"""Contrastive divergence: the data against where the model's chains go in a few steps."""

from layerwise._sklearn import POSITIVE_INTEGER
from layerwise.models.rbm import RBMParams
from layerwise.numerics.rbm import contrastive_pass, contrastive_scratch
from layerwise.trainers.base import Trainer
from layerwise.trainers.watch import Watch


class Contrastive(Trainer):
    """What CD and PCD share: all but where the chains start.

    The objective is the mean over rows of F(batch) - F(chains), in nats.
    """

    # It is what each step descends, but no measure of progress: it rises as chains come to mix
    # worse. On binary digits its rank correlation with the exact log-likelihood was +0.74.
    objective = "free_energy_gap"
    needs = RBMParams
    _parameter_constraints = Trainer._parameter_constraints | {"n_steps": [POSITIVE_INTEGER]}

    def _prepare(self, state, rows):
        params, optimizer, chains = state.model, state.optimizer, state.chains
        n_chains = 0 if chains is None else len(chains)
        visible, hidden = params.runs()
        scratch = contrastive_scratch(
            params.components, len(rows), n_chains, self.batch_size, self.n_steps, visible, hidden
        )

        def step(X, order, rate, stream):
            return contrastive_pass(
                *params.arrays()[:3], X, order, chains, optimizer, rate=rate, n_steps=self.n_steps,
                batch_size=self.batch_size, stream=stream, visible=visible, hidden=hidden,
                log_variance=params.log_variance, scratch=scratch,
            )  # fmt: skip

        # Hidden means of the batch and two slopes; then each chain's steps, down and up.
        walks = self.n_steps * (n_chains / min(self.batch_size, len(rows)) if n_chains else 1)
        watch = Watch(
            params,
            rows,
            self.n_passes,
            resample=self.resample,
            products=3 + 2 * walks,
            drawn=walks,
        )
        return step, watch


class CD(Contrastive):
    """Contrastive divergence, CD-k: short chains, started anew from each batch.

    Each batch is a step down the mean free energy of its rows minus that of the states which
    ``n_steps`` Gibbs steps reach from them. Data count by the means of their hidden units; chains
    walk by states, and count by the hidden means where they end.

    Parameters
    ----------
    n_steps : int, default=1
        Gibbs steps, k.
    learning_rate : float, default=0.05
    momentum : float, default=0.5
        Momentum of "sgd", in [0, 1); beta1 of "adam".
    weight_decay : float, default=0.0
        L2, on weights only.
    batch_size : int, default=100
        Rows of a step. A shorter last batch counts its own rows.
    n_passes : int, default=50
    optimizer : {"sgd", "adam"}, default="sgd"
    schedule : {"constant", "linear", "warmup"} or callable, default="constant"
        Factor of the learning rate: 1; falling from 1 to 0 over the passes; the same, but rising
        over the first tenth of them; or a function of the pass, counted from 0.
    resample : bool, default=True
        Draw the rows' states anew for each pass; False trains on their means.

    References
    ----------
    Hinton, "Training products of experts by minimizing contrastive divergence", 2002.
    """

    def __init__(
        self, n_steps=1, *, learning_rate=0.05, momentum=0.5, weight_decay=0.0, batch_size=100,
        n_passes=50, optimizer="sgd", schedule="constant", resample=True,
    ):  # fmt: skip
        self.n_steps = n_steps
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.n_passes = n_passes
        self.optimizer = optimizer
        self.schedule = schedule
        self.resample = resample


class PCD(Contrastive):
    """Persistent contrastive divergence, PCD-k: chains that go on from batch to batch.

    As ``CD``, but the model's states come from ``n_chains`` chains of their own, which start from
    rows of the data and take ``n_steps`` Gibbs steps per batch. Their number need not be the
    batch's: each mean is over its own rows.

    Parameters
    ----------
    n_steps : int, default=1
        Gibbs steps per batch, k.
    n_chains : int, default=100
    learning_rate : float, default=0.05
    momentum : float, default=0.5
        Momentum of "sgd", in [0, 1); beta1 of "adam".
    weight_decay : float, default=0.0
        L2, on weights only.
    batch_size : int, default=100
        Rows of a step. A shorter last batch counts its own rows.
    n_passes : int, default=50
    optimizer : {"sgd", "adam"}, default="sgd"
    schedule : {"constant", "linear", "warmup"} or callable, default="constant"
        Factor of the learning rate: 1; falling from 1 to 0 over the passes; the same, but rising
        over the first tenth of them; or a function of the pass, counted from 0.
    resample : bool, default=True
        Draw the rows' states anew for each pass; False trains on their means.

    References
    ----------
    Tieleman, "Training restricted Boltzmann machines using approximations to the likelihood
    gradient", 2008.
    """

    _parameter_constraints = Contrastive._parameter_constraints | {"n_chains": [POSITIVE_INTEGER]}

    def __init__(
        self, n_steps=1, *, n_chains=100, learning_rate=0.05, momentum=0.5, weight_decay=0.0,
        batch_size=100, n_passes=50, optimizer="sgd", schedule="constant", resample=True,
    ):  # fmt: skip
        self.n_steps = n_steps
        self.n_chains = n_chains
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.n_passes = n_passes
        self.optimizer = optimizer
        self.schedule = schedule
        self.resample = resample

    def _chains(self, model, rows, stream):
        # Drawn given rows of the data, each row once while they last.
        states = rows.draw(stream.child("states"))
        generator = stream.child("rows").generator()
        chosen = generator.choice(len(states), self.n_chains, replace=self.n_chains > len(states))
        states = states[chosen].astype(model.components.dtype)
        return model.sample_hidden(states, stream.child("hidden"), step=0)
