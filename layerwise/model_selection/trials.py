"""Trials: one candidate trained on one fold, and the number that it is judged by."""

import math
import time
from contextlib import nullcontext
from inspect import signature
from itertools import pairwise

from layerwise.estimators.latent_marginals import latent_marginal_bound
from layerwise.likelihood.partition import PAIRS_LIMIT, TABLE_LIMIT
from layerwise.model_selection import scorers

__all__ = ["check_takes_weights", "fitted", "number_of_top", "trial"]

# What a candidate may raise without ending the search. Anything else is a fault of the program.
FAILURES = (ValueError, ArithmeticError, MemoryError)


def _blm(fold, dbn, name, layer):
    return scorers.blm(layer.conditional_, fold.held_out, sample_weight=fold.test_weights)


def _bound(fold, dbn, name, layer):
    return latent_marginal_bound(
        layer.estimator,
        fold.held_out,
        fold.seen,
        sample_weight=fold.test_weights,
        sample_weight_inference=fold.train_weights,
    ).value


def _log_likelihood(fold, dbn, name, layer):
    whole = fold.whole(dbn, name, layer)
    return scorers.log_likelihood(whole, fold.test, sample_weight=fold.test_weights)


def _latent_log_likelihood(fold, dbn, name, layer):
    return scorers.log_likelihood(layer.estimator, fold.held_out, sample_weight=fold.test_weights)


NUMBERS = {
    "blm": _blm,
    "bound": _bound,
    "log_likelihood": _log_likelihood,
    "latent_log_likelihood": _latent_log_likelihood,
}


def number_of_top(fold):
    """Return which log-likelihood judges a top, by name, given what stands below it.

    Returns
    -------
    str
        "log_likelihood", of the whole DBN, where that can be summed over the states of the layers
        below; "latent_log_likelihood" otherwise: of the top alone, on states drawn through them.
    """
    sizes = [layer.conditional_.n_latent for _, layer in fold.chosen]
    pairs = [lower + upper for lower, upper in pairwise(sizes)]
    if max(sizes, default=0) > TABLE_LIMIT or max(pairs, default=0) > PAIRS_LIMIT:
        return "latent_log_likelihood"
    return "log_likelihood"


def trial(dbn, name, candidate, fold, key, number, error_score, told=None):
    """Train one candidate and judge it.

    Parameters
    ----------
    dbn : DBN
        Unfitted.
    name : str
        Of the layer.
    candidate : Candidate
    fold : Fold
    key : dict
        What tells this trial from the others, of which ``n_passes`` may be None.
    number : str or callable
        A name in ``NUMBERS``, or a scorer: called on the fitted layer and its held-out rows, and
        for the last layer on the whole DBN and the held-out rows of the data.
    error_score : "raise" or float
    told : CallbackContext, default=None
        Of the trial, if callbacks hear of what happens within.

    Returns
    -------
    dict
        The key, ``score`` (None where it failed), ``error`` (None or a sentence) and two times in
        seconds. It is JSON.
    """
    record = {**key, "score": None, "error": None, "fit_time": 0.0, "score_time": 0.0}
    step, start = "fit_time", time.perf_counter()
    try:
        layer = candidate.layer(key["n_passes"])
        within = (
            nullcontext() if told is None else told.propagate_callback_context(layer.estimator)
        )
        with within:
            fold.fit(name, layer)
        now = time.perf_counter()
        record[step], step, start = now - start, "score_time", now
        score = float(_judged(number, fold, dbn, name, layer))
        if not math.isfinite(score):
            raise ArithmeticError(f"the score is {score}")
        record["score"] = score
    except FAILURES as error:
        if error_score == "raise":
            raise
        record["error"] = f"{type(error).__name__}: {error}"
    record[step] = time.perf_counter() - start
    return record


def _judged(number, fold, dbn, name, layer):
    if not callable(number):
        return NUMBERS[number](fold, dbn, name, layer)
    weights = {} if fold.test_weights is None else {"sample_weight": fold.test_weights}
    if name == dbn._named_layers[-1][0]:
        return number(fold.whole(dbn, name, layer), fold.test, **weights)
    return number(layer.estimator, fold.held_out, **weights)


def check_takes_weights(scorer):
    """Raise that a scorer takes no weights of rows, if it does not."""
    try:
        takes = signature(scorer).parameters.values()
    except (TypeError, ValueError):  # of some builtins nothing is known
        takes = ()
    if not any(each.name == "sample_weight" or each.kind is each.VAR_KEYWORD for each in takes):
        name = getattr(scorer, "__name__", repr(scorer))
        raise ValueError(
            "sample_weight asks that held-out rows are judged by their weights, and the callable "
            f"{name} in scoring takes no sample_weight. Give it that parameter, as scorers.blm "
            "has it, or pass no weights."
        )


def fitted(name, candidate, fold):
    """Return the fold with a candidate chosen: trained anew, to the bits of its trial."""
    layer = candidate.layer()
    fold.fit(name, layer)
    return fold.above(name, layer)
