"""Our side of the contests. Each function prepares one, and returns what is timed.

Functions keep their names and arguments (numbers, strings, and tuples of them): ``against.py``
also calls those of older versions of this file.
"""

import hashlib

import numpy as np
import problems
from sklearn.datasets import load_digits

from layerwise import (
    CD,
    PCD,
    RBM,
    Backprop,
    Gaussian,
    JointCD,
    JointPCD,
    Softmax,
    best_latent_marginal,
)
from layerwise.likelihood.annealed import Annealer, log_mean
from layerwise.likelihood.deep import minus_log_likelihood
from layerwise.likelihood.mixtures import Mixture
from layerwise.likelihood.posterior import Posterior
from layerwise.models.chain import AutoEncoderParams, Chain, Predictor
from layerwise.models.conditional import Conditional
from layerwise.models.dbn import DBNParams
from layerwise.models.deep_autoencoder import DeepAutoEncoderParams
from layerwise.models.inputs import LayerInput, Targets
from layerwise.models.rbm import RBMParams
from layerwise.models.stack import StackParams
from layerwise.numerics import enumerate as enumeration
from layerwise.numerics.optimizer import Optimizer, descend
from layerwise.numerics.rbm import anneal
from layerwise.numerics.rbm import gibbs as gibbs_steps
from layerwise.numerics.streams import Stream

STREAM = Stream(bytes(range(16)))


def log_z(n, m, sd=0.1, bias_sd=1.0):
    """Log Z with n units listed and m summed in closed form."""
    model = problems.two_layers(n, m, sd, bias_sd)
    return lambda: enumeration.log_partition(*model)


def moments(n, m, single=False):
    """Log Z with all first and cross moments."""
    model = problems.two_layers(n, m)
    return lambda: enumeration.moments(*model, single=single)


def deep(n, n_rows, sd):
    """Log-likelihoods of rows under 2^n latent states."""
    weights, bias, log_marginal, X = problems.latent_mixture(n, n_rows, sd)
    layer = Conditional(weights, bias)
    return lambda: Mixture(layer, log_marginal)(X)


def posterior_draws(n, n_rows, sd):
    """One draw of the exact posterior of each of the rows of ``deep``."""
    weights, bias, log_marginal, X = problems.latent_mixture(n, n_rows, sd)
    posterior = Posterior(Conditional(weights, bias), log_marginal)
    return lambda: posterior.sample(X, STREAM, step=0, lane=0)


def listed_likelihood(n, n_rows, sd):
    """The likelihoods of ``deep``, the table of the states at hand."""
    weights, bias, log_marginal, X = problems.latent_mixture(n, n_rows, sd)
    posterior = Posterior(Conditional(weights, bias), log_marginal)
    return lambda: posterior(X)


def moments_under(n, m, single=False):
    """Moments of m units under given weights of the states of n others."""
    weights, bias, _ = problems.two_layers(n, m)
    given = np.random.default_rng(problems.SEED).normal(size=2**n)
    under = enumeration.MomentsUnder(m, n, single=single)
    return lambda: under(weights, bias, given)


def likelihood_ascent(n, n_rows, n_visible, n_hidden):
    """One step up the exact likelihood of a deep model, by Adam. Returns the likelihood before."""
    bottom, top, X = problems.deep_model(n, n_rows, n_visible, n_hidden)
    model = DBNParams((Conditional(*bottom),), RBMParams(*top))
    sizes = sum(array.size for array in model.arrays())
    optimizer = Optimizer.start("adam", sizes, np.float64, momentum=0.9, decay=0.0)

    def step():
        value, gradients = minus_log_likelihood(model, X)
        descend(model.arrays(), gradients, optimizer, rate=1e-3)
        return -value

    return step


def best_marginal(conditional, X, tol):
    """Return the call that finds the best latent marginal, and makes sure of its bracket."""

    def find():
        found = best_latent_marginal(conditional, X, tol=tol)
        assert found.high - found.low <= tol
        return found.value

    return find


def digits_marginal(tol):
    """The best latent marginal of 1,797 binary digits on an RBM with 16 hidden units."""
    X = (load_digits().data > 7).astype(float)
    layer = RBM(16, trainer=PCD(n_passes=200), random_state=problems.SEED).fit(X)
    return best_marginal(layer, X, tol)


def own_marginal(n_rows, tol):
    """The best latent marginal of rows of 100 on the very layer, of 16 units, they come from."""
    rng = np.random.default_rng(problems.SEED)
    layer = Conditional(0.3 * rng.normal(size=(16, 100)), rng.normal(size=100))
    latent = rng.integers(0, 2, size=(n_rows, 16)).astype(float)
    X = (rng.random((n_rows, 100)) < layer.mean(latent)).astype(float)
    return best_marginal(layer, X, tol)


def contrastive(kind, n_visible, n_hidden, batch, n_rows):
    """A pass of CD-1 or PCD-1 in float32 by plain gradient descent; returns the parameters."""
    X = problems.rows(n_rows, n_visible)
    params = RBMParams.init(X, n_hidden, STREAM, np.float32)
    plain = {"learning_rate": 0.1, "momentum": 0.0, "batch_size": batch, "n_passes": 10**9}
    trainer = CD(**plain) if kind == "CD" else PCD(n_chains=batch, **plain)
    passes = trainer.passes(params, LayerInput(X), STREAM)

    def one_pass():
        next(passes)
        return params.arrays()

    return one_pass


def dense(kind, n_visible, n_hidden, batch, n_rows):
    """A pass of PCD-1 in float32 over rows of real values, for visible units of a kind."""
    X = problems.real_rows(n_rows, n_visible, kind)
    visible = Softmax((4,) * (n_visible // 4)) if kind == "softmax" else kind
    params = RBMParams.init(X, n_hidden, STREAM, np.float32, visible=visible)
    trainer = PCD(
        n_chains=batch, learning_rate=1e-3, momentum=0.0, batch_size=batch, n_passes=10**9,
        resample=False,
    )  # fmt: skip
    passes = trainer.passes(params, LayerInput(X, units=params.visible), STREAM)
    return lambda: next(passes).objective


def gibbs(n_visible, n_hidden, n_chains, n_steps):
    """Gibbs steps of chains in float32; returns how many of their visible units are on."""
    *arrays, hidden = problems.machine(n_visible, n_hidden, n_chains)
    return lambda: gibbs_steps(*arrays, hidden, STREAM, n_steps).mean()


def annealed(n_visible, n_hidden, n_chains, n_betas, n_steps):
    """The first steps of annealing over so many betas, in float32; returns the mean log weight."""
    *arrays, hidden = problems.machine(n_visible, n_hidden, n_chains)
    base = np.zeros(n_visible, dtype=np.float32)
    steps = np.linspace(0, 1, n_betas + 1)[: n_steps + 1, None]
    betas = np.broadcast_to(steps, (n_steps + 1, n_chains))
    return lambda: anneal(*arrays, hidden, STREAM, betas, base)[1].mean()


def annealed_log_z(n_visible, n_hidden, n_chains, n_betas):
    """Log Z by chains that go up from the RBM without its weights, in float32."""
    *arrays, _ = problems.machine(n_visible, n_hidden, n_chains)
    params = RBMParams(*arrays)
    without = Annealer(params, params.intercept_visible, None)
    betas = np.linspace(0, 1, n_betas + 1)
    return lambda: log_mean(without.up(betas, n_chains, STREAM)[0])[0]


def backprop(sizes, batch, n_rows):
    """A pass of back-propagation in float32 with Adam; returns the mean loss of a row, in nats."""
    X = problems.rows(n_rows, sizes[0])
    chain = Chain.init(sizes, ("sigmoid",) * (len(sizes) - 1), STREAM, dtype=np.float32)
    network = AutoEncoderParams(chain, len(sizes) - 2)
    passes = Backprop(batch_size=batch, n_passes=10**9).passes(network, LayerInput(X), STREAM)
    return lambda: next(passes).objective


def fine_tuning(sizes, batch, n_rows, images=False):
    """A pass of a ReLU classifier's training in float32 with Adam; returns a row's mean loss."""
    X, labels = problems.labelled_rows(n_rows, sizes[0], sizes[-1], images)
    chain = Chain.init(
        sizes, ("relu",) * (len(sizes) - 2), STREAM, dtype=np.float32, outputs=Softmax()
    )
    targets = Targets(np.eye(sizes[-1], dtype=np.float32)[labels], Softmax())
    passes = Backprop(batch_size=batch, n_passes=10**9).passes(
        Predictor(chain), LayerInput(X, units=Gaussian(), targets=targets), STREAM
    )
    return lambda: next(passes).objective


def joint(sizes, batch, n_rows):
    """A pass of a deep auto-encoder's joint training in float32; returns a row's mean loss."""
    X = problems.rows(n_rows, sizes[0])
    chain = Chain.init(sizes, ("sigmoid",) * (len(sizes) - 1), STREAM, dtype=np.float32)
    n = len(sizes) // 2
    network = DeepAutoEncoderParams(
        chain, n, corruption=0.25, layer_weights=(1.0,) * n, layer_corruption=0.25
    )
    passes = Backprop(batch_size=batch, n_passes=10**9).passes(network, LayerInput(X), STREAM)
    return lambda: next(passes).objective


def stack(kind, sizes, batch, n_rows):
    """A pass of a DRBN in float32; returns the mean of the first layer's visible intercepts."""
    X = problems.rows(n_rows, sizes[0])
    params = StackParams.init(X, sizes[1:], STREAM)
    plain = {"learning_rate": 0.01, "momentum": 0.0, "batch_size": batch, "n_passes": 10**9}
    trainer = JointCD(**plain) if kind == "CD" else JointPCD(n_chains=batch, **plain)
    passes = trainer.passes(params, LayerInput(X), STREAM)

    def one_pass():
        next(passes)
        return float(params.layers[0].intercept_visible.mean())

    return one_pass


def bits(what, *sizes):
    """A fingerprint of all bits of a result."""
    call = log_z(*sizes) if what == "log Z" else contrastive(what, *sizes)

    def fingerprint():
        result = call()
        parts = result if isinstance(result, tuple) else (result,)
        return hashlib.sha256(b"".join(np.asarray(part).tobytes() for part in parts)).hexdigest()

    return fingerprint
