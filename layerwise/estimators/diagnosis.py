"""diagnose: what is wrong with a trained RBM, in numbers and in words that say what to change."""

from dataclasses import dataclass

import numpy as np

from layerwise._sklearn import check_is_fitted
from layerwise.estimators.annealing import log_partition
from layerwise.estimators.checks import validate
from layerwise.estimators.meant import last_step
from layerwise.estimators.rbm import RBM
from layerwise.likelihood import tempering
from layerwise.numerics.rows import dense
from layerwise.numerics.streams import Stream

__all__ = ["Diagnosis", "diagnose"]

# A unit that is in one state in all but this share of the rows says nothing of them.
RARE = 0.005
# Chains whose free energies are followed, looks at them, and Gibbs steps between two.
CHAINS, LOOKS, APART = 100, 100, 5
# Variance of free energies that is no more than rounding, in nats squared.
SMALL = 1e-12
# Steps after which free energies should have forgotten where they were.
SLOW = 50
REPLICAS, TEMPERED_STEPS = 10, 200


@dataclass(frozen=True)
class Diagnosis:
    """What :func:`diagnose` found. As a string it is its advice, or that nothing stands out.

    Parameters
    ----------
    overfitting : float
        Mean log-likelihood of the rows minus that of the held-out ones, in nats: log Z is the same
        in both, so it is exact for any size. NaN without held-out rows.
    overfitting_error : float
        Standard error of that.
    dead, saturated : float
        Share of hidden units that are in their lower, or upper, state in all but a two-hundredth
        of the rows.
    memory : float
        Gibbs steps after which the free energy of a chain is another: its integrated
        autocorrelation time. At most 500 are looked at.
    free_energy_of_chains : float
        Mean free energy of chains that began at the rows minus that of the rows, in nats, after
        500 steps: zero where the model's states are like the rows.
    swap_rate : float
        Of neighbours of a ladder of 10 tempered replicas, those that swap least.
    bracket : float
        Width of the bracket of log Z, in nats; zero where it is exact.
    advice : tuple of str
        What stands out, and what to change.
    """

    overfitting: float
    overfitting_error: float
    dead: float
    saturated: float
    memory: float
    free_energy_of_chains: float
    swap_rate: float
    bracket: float
    advice: tuple

    def __str__(self):
        """Return the advice, a line each, or that there is none."""
        return "\n".join(self.advice) or "Nothing stands out."


def diagnose(model, X, X_held_out=None, *, random_state=None):
    """Look at a trained RBM: overfitting, hidden units, chains, and what is known of log Z.

    Parameters
    ----------
    model : RBM or Pipeline
        Fitted; a pipeline ends in an RBM.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        Rows that it was trained on.
    X_held_out : array-like or sparse matrix of shape (n_rows, n_features), default=None
        Others, to tell overfitting. Without them it is not told.
    random_state : int, RandomState instance or None, default=None
        Of the chains.

    Returns
    -------
    Diagnosis

    Raises
    ------
    TypeError
        If the model is not an RBM.

    Examples
    --------
    >>> from layerwise import PCD, RBM, diagnose
    >>> from layerwise.datasets import load_tea
    >>> tea = load_tea(random_state=7)
    >>> rbm = RBM(30, trainer=PCD(n_passes=400), random_state=7).fit(tea.train)
    >>> found = diagnose(rbm, tea.train, tea.valid, random_state=7)
    >>> bool(found.overfitting > 3)
    True
    >>> "weight_decay" in str(found)
    True
    """
    rbm, X = last_step(model, X)
    if not isinstance(rbm, RBM):
        raise TypeError(
            f"diagnose takes a fitted RBM, or a Pipeline that ends in one, and got {rbm!r}."
        )
    check_is_fitted(rbm)
    X = validate(rbm, X, rbm.visible_units_, sparse=True)
    if X_held_out is not None:
        X_held_out = last_step(model, X_held_out)[1]
        X_held_out = validate(rbm, X_held_out, rbm.visible_units_, sparse=True)
    stream, params = Stream.from_random_state(random_state), rbm.params_
    chosen = stream.child("rows").generator().integers(X.shape[0], size=CHAINS)
    start = dense(X[chosen], params.components.dtype)
    energies = params.free_energy(X)
    numbers = {
        **_overfitting(params, energies, X_held_out),
        **_hidden(params, X),
        **_chains(params, start, energies.mean(), stream.child("chains")),
    }
    _, ladder = tempering.sample(params, start, REPLICAS, TEMPERED_STEPS, stream.child("tempered"))
    numbers["swap_rate"] = float(np.nanmin(ladder.swap_rates))
    log_z = log_partition(params, rbm.likelihood)
    numbers["bracket"] = log_z.high - log_z.low
    return Diagnosis(**numbers, advice=tuple(_advice(**numbers)))


def _overfitting(params, energies, X_held_out):
    """Return how far held-out rows are behind, and the error of that."""
    if X_held_out is None:
        return {"overfitting": np.nan, "overfitting_error": np.nan}
    others = params.free_energy(X_held_out)
    error = np.hypot(*(part.std() / np.sqrt(len(part)) for part in (energies, others)))
    return {
        "overfitting": float(others.mean() - energies.mean()),
        "overfitting_error": float(error),
    }


def _hidden(params, X):
    """Return the shares of hidden units that hardly ever change."""
    low, step = params.hidden.bits(params.n_hidden)
    upper = (params.hidden_mean(X).mean(axis=0, dtype=float) - low) / step
    return {"dead": float(np.mean(upper < RARE)), "saturated": float(np.mean(upper > 1 - RARE))}


def _chains(params, start, of_rows, stream):
    """Return how long chains from rows remember their free energy, and where it ends."""
    energies, rows = [], start
    for look in range(LOOKS):
        rows = params.gibbs(rows, stream.child(look), APART)
        energies.append(params.free_energy(rows))
    energies = np.array(energies)
    return {
        "memory": APART * _autocorrelation_time(energies[LOOKS // 5 :]),
        "free_energy_of_chains": float(energies[-LOOKS // 5 :].mean() - of_rows),
    }


def _autocorrelation_time(values):
    """Return the integrated autocorrelation time of chains, of shape (n_looks, n_chains).

    About the mean over all chains: what differs from chain to chain and stays is memory too.
    """
    centred = values - values.mean()
    variance = np.mean(centred**2)
    total = 1.0
    for lag in range(1, len(values) // 2):
        share = np.mean(centred[lag:] * centred[:-lag]) / variance if variance > SMALL else 0.0
        if share < 0.05:
            break
        total += 2 * share
    return float(total)


def _advice(
    overfitting, overfitting_error, dead, saturated, memory, free_energy_of_chains, swap_rate,
    bracket,
):  # fmt: skip
    """Return what stands out of the numbers of a Diagnosis, in sentences."""
    if overfitting > max(3 * overfitting_error, 0.5):
        yield (
            f"Held-out rows are {overfitting:.1f} nats a row behind (+- {overfitting_error:.1f}): "
            "it has learnt its rows by heart. Raise weight_decay of the trainer, take fewer "
            "passes, early_stopping=True, fewer components or more rows."
        )
    if dead + saturated > 0.05:
        yield (
            f"{dead:.0%} of the hidden units are dead, and {saturated:.0%} always on: they say "
            "nothing. Lower the learning rate, set centered=True or a sparsity_target, or take "
            "fewer components."
        )
    if memory > SLOW:
        yield (
            f"A chain remembers its free energy for about {memory:.0f} Gibbs steps: samples and "
            "training by PCD depend on where chains began. Take more chains or n_steps, "
            "or ParallelTempering; sample with more n_steps or sampler=ParallelTempering()."
        )
        if swap_rate < tempering.LEAST_RATE:
            yield (
                f"Of {REPLICAS} tempered replicas the neighbours that swap least do so in "
                f"{swap_rate:.0%} of the cases: give ParallelTempering more n_replicas."
            )
    if abs(free_energy_of_chains) > 5:
        yield (
            f"Chains that began at the rows end {free_energy_of_chains:+.1f} nats of free energy "
            "away from them: what the model holds likely is not like the rows. Train for more "
            "passes at a falling rate (schedule='linear'), with averaging, or with more chains."
        )
    if bracket > 0.5:
        yield (
            f"log Z is known to {bracket:.1f} nats only. Raise max_steps or n_chains of "
            "RBM(likelihood=AIS(...)), or keep weights smaller by weight_decay."
        )
