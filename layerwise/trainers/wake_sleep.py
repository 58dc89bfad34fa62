"""WakeSleep: a deep belief network and its inference, each trained on what the other draws."""

import numpy as np

from layerwise._sklearn import POSITIVE_INTEGER, UNIT_INTERVAL
from layerwise.exceptions import Incompatible
from layerwise.models.recognition import RecognizedDBN
from layerwise.numerics.network import network_pass
from layerwise.numerics.optimizer import Optimizer
from layerwise.numerics.rows import issparse
from layerwise.numerics.streams import CODE, STATE
from layerwise.trainers.base import Trainer, unwatched
from layerwise.trainers.contrastive import first_chains, rbm_step

__all__ = ["WakeSleep"]


class WakeSleep(Trainer):
    """Wake-sleep training of a deep belief network of any size, all layers at once.

    In the wake phase of a pass, latent states of all rows are drawn from the inference. Each
    layer's p(x | h) goes up the log-probability of the states below it, and the top RBM up that of
    the states under it, by persistent contrastive divergence. In the sleep phase as many rows are
    drawn from the model: a few Gibbs steps of the top lead from the states of the wake phase to
    others, and states are drawn down from these. Each layer's q(h | x) goes up the log-probability
    of the states that made what it sees. So the inference and the weights of an :class:`RBM` below
    the top part: ``transform`` and bounds go by the inference that was trained, which is
    ``inferences_`` of the :class:`DBN`.

    No likelihood is summed, so that layers may have any size. Where they can be listed,
    :class:`LikelihoodAscent` ascends it exactly.

    Parameters
    ----------
    n_steps : int, default=1
        Gibbs steps of the top's persistent chains per batch.
    n_chains : int, default=100
        Persistent chains of the top.
    n_sleep_steps : int, default=5
        Gibbs steps of the top from the wake phase's states to those of the sleep phase.
    learning_rate : float, default=1e-3
        Of all layers and of the inference.
    momentum : float, default=0.9
        Momentum of "sgd", in [0, 1); beta1 of "adam".
    weight_decay : float, default=0.0
        L2, on weights only. With "adam" it stands beside the step (Loshchilov and Hutter, 2019).
    batch_size : int, default=100
    n_passes : int, default=50
    optimizer : {"adam", "sgd"}, default="adam"
    schedule : {"constant", "linear", "warmup"} or callable, default="linear"
        Factor of the learning rate: 1; falling from 1 to 0 over the passes; the same, but rising
        over the first tenth of them; or a function of the pass, counted from 0.
    averaging : float, default=0.0
        As of :class:`PCD`.
    resample : bool, default=True
        Draw the rows' states anew for each pass; False trains on their means.
    l1_decay : float, default=0.0
        L1, on weights only: a proximal step.

    Notes
    -----
    The objective is what the wake phase descends, in nats per row: minus the log-probabilities of
    states given those above them, and the free-energy gap of the top. Phases take turns by passes,
    and not by batches.

    References
    ----------
    Hinton, Dayan, Frey and Neal, "The wake-sleep algorithm for unsupervised neural networks",
    1995.
    Hinton, Osindero and Teh, "A fast learning algorithm for deep belief nets", 2006, section 5.

    Examples
    --------
    >>> from layerwise import DBN, RBM, WakeSleep
    >>> from layerwise.datasets import load_tea
    >>> tea = load_tea(random_state=7)
    >>> layers = [RBM(10), RBM(8)]
    >>> dbn = DBN(layers, random_state=7).fit(tea.train)
    >>> tuned = DBN(layers, fine_tuner=WakeSleep(n_passes=40), random_state=7).fit(tea.train)
    >>> tuned.score(tea.test) > dbn.score(tea.test)
    True
    """

    objective = "wake_loss"
    needs = RecognizedDBN
    _parameter_constraints = Trainer._parameter_constraints | {
        "n_steps": [POSITIVE_INTEGER],
        "n_chains": [POSITIVE_INTEGER],
        "n_sleep_steps": [POSITIVE_INTEGER],
        "averaging": [UNIT_INTERVAL],
    }

    def __init__(
        self, n_steps=1, *, n_chains=100, n_sleep_steps=5, learning_rate=1e-3, momentum=0.9,
        weight_decay=0.0, batch_size=100, n_passes=50, optimizer="adam", schedule="linear",
        averaging=0.0, resample=True, l1_decay=0.0,
    ):  # fmt: skip
        self.n_steps = n_steps
        self.n_chains = n_chains
        self.n_sleep_steps = n_sleep_steps
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.n_passes = n_passes
        self.optimizer = optimizer
        self.schedule = schedule
        self.averaging = averaging
        self.resample = resample
        self.l1_decay = l1_decay

    def check_sizes(self, sizes):
        """Raise why a model with latent layers of these sizes cannot be trained, if it cannot.

        Parameters
        ----------
        sizes : list of int
            From the bottom up, without the top's hidden layer.
        """
        if not sizes:
            raise Incompatible(
                "WakeSleep trains at least one layer below the RBM, and there is none. "
                "Train the RBM with PCD()."
            )

    def _optimizer(self, model):
        """Return the optimisers of each generator, of the top, and of each recognizer."""

        def of(arrays):
            return Optimizer.start(
                self.optimizer, sum(array.size for array in arrays), arrays[0].dtype,
                momentum=self.momentum, decay=self.weight_decay, l1_decay=self.l1_decay,
            )  # fmt: skip

        generators, recognizers = (
            [of([chain.parameters]) for chain in chains]
            for chains in (model.generators, model.recognizers)
        )
        return generators, of(model.top.arrays()), recognizers

    def _chains(self, model, rows, stream):
        for inference in model.inferences:
            rows = rows.above(inference)
        return first_chains(self.n_chains, model.top, rows, stream)

    def _prepare(self, state, rows):
        model = state.model
        generating, of_top, recognizing = state.optimizer
        descend_top = rbm_step(self, model.top, of_top, rows, state.chains)

        def learn(chain, optimizer, given, wanted, order, rate, stream):
            return network_pass(
                chain.parameters, chain.layers, _fit(given, chain), _fit(wanted, chain), order,
                optimizer, rate=rate, batch_size=self.batch_size, stream=stream,
                outputs=chain.outputs.runs(chain.sizes[-1]), weights=rows.weights,
            )  # fmt: skip

        def step(X, order, rate, stream):
            loss, states = 0.0, X
            for depth, inference in enumerate(model.inferences):
                part = stream.child("wake", depth)
                above = inference.sample(states, part, step=0, lane=CODE)
                chain, optimizer = model.generators[depth], generating[depth]
                loss += learn(chain, optimizer, above, states, order, rate, part)
                states = above
            loss += descend_top(states, order, rate, stream.child("top"))
            states = model.top.gibbs(states, stream.child("sleep"), self.n_sleep_steps)
            for depth, conditional in reversed([*enumerate(model.conditionals)]):
                part = stream.child("sleep", depth)
                below = conditional.sample(states, part, step=0, lane=STATE)
                chain, optimizer = model.recognizers[depth], recognizing[depth]
                learn(chain, optimizer, below, states, order, rate, part)
                states = below
            return loss

        return step, unwatched


def _fit(rows, chain):
    """Return rows in the type of a chain's parameters."""
    dtype = chain.parameters.dtype
    return rows.astype(dtype) if issparse(rows) else np.ascontiguousarray(rows, dtype=dtype)
