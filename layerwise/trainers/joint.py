"""Joint contrastive divergence: all RBMs of a stack in one step."""

from layerwise._sklearn import POSITIVE_INTEGER
from layerwise.models.rbm import RBMParams
from layerwise.models.stack import StackParams
from layerwise.numerics.stack import stack_pass, stack_scratch
from layerwise.trainers.base import Trainer, unwatched
from layerwise.trainers.contrastive import first_chains, rbm_step

__all__ = ["JointCD", "JointPCD"]


class Joint(Trainer):
    """What JointCD and JointPCD share: all but where the chains start.

    The objective is the sum over layers of F(data) - F(chains), in nats per row.
    """

    objective = "free_energy_gap"
    needs = StackParams
    _parameter_constraints = Trainer._parameter_constraints | {"n_steps": [POSITIVE_INTEGER]}

    def _prepare(self, state, rows):
        params, optimizer, chains = state.model, state.optimizer, state.chains
        visible, _ = params.runs_of(0)
        bottom, *above = params.layers
        if not above and isinstance(bottom, RBMParams):
            # By all ways of an RBM.
            return rbm_step(self, bottom, state.optimizer, rows, state.chains), unwatched
        scratch = stack_scratch(
            params.parameters, params.places, len(rows), 0 if chains is None else len(chains),
            self.batch_size, self.n_steps, visible,
        )  # fmt: skip

        def step(X, order, rate, stream):
            return stack_pass(
                params.parameters, params.places, X, order, chains, optimizer, rate=rate,
                n_steps=self.n_steps, batch_size=self.batch_size, stream=stream, visible=visible,
                weights=rows.weights, scratch=scratch,
            )  # fmt: skip

        return step, unwatched


class JointCD(Joint):
    """Contrastive divergence through all layers of a deep restricted Boltzmann network.

    States are drawn up from the rows of a batch through all layers; chains go on from those of the
    top, ``n_steps`` times down to the visible units and up again. Then each layer takes the step
    of an RBM between the two: down its own free energy of the states below it, of data minus of
    chains. Nothing is propagated back through layers. On a stack of one layer it is :class:`CD`.

    Parameters
    ----------
    n_steps : int, default=1
        Rounds of a chain, k.
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
        As in :class:`CD`.
    resample : bool, default=True
        Draw the rows' states anew for each pass; False trains on their means.
    l1_decay : float, default=0.0
        L1, on weights only: a proximal step.

    References
    ----------
    Hu, Gao and Ma, "Deep restricted Boltzmann networks", 2016.
    """

    def __init__(
        self, n_steps=1, *, learning_rate=0.05, momentum=0.5, weight_decay=0.0, batch_size=100,
        n_passes=50, optimizer="sgd", schedule="constant", resample=True, l1_decay=0.0,
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
        self.l1_decay = l1_decay


class JointPCD(Joint):
    """As JointCD, with chains that go on from batch to batch.

    What a chain keeps is the states of the top. Chains start from rows of the data.

    Parameters
    ----------
    n_steps : int, default=1
        Rounds of a chain per batch, k.
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
        As in :class:`CD`.
    resample : bool, default=True
        Draw the rows' states anew for each pass; False trains on their means.
    l1_decay : float, default=0.0
        L1, on weights only: a proximal step.

    References
    ----------
    Hu, Gao and Ma, "Deep restricted Boltzmann networks", 2016.
    """

    _parameter_constraints = Joint._parameter_constraints | {"n_chains": [POSITIVE_INTEGER]}

    def __init__(
        self, n_steps=1, *, n_chains=100, learning_rate=0.05, momentum=0.5, weight_decay=0.0,
        batch_size=100, n_passes=50, optimizer="sgd", schedule="constant", resample=True,
        l1_decay=0.0,
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
        self.l1_decay = l1_decay

    def _chains(self, model, rows, stream):
        return first_chains(self.n_chains, model, rows, stream)
