"""Rounds of trials: one, or those of successive halving; who goes on, and who is best."""

import math
from numbers import Integral

import numpy as np

__all__ = ["check_passes", "n_passes", "sizes", "survivors"]


def sizes(n_candidates, factor):
    """Return how many candidates each round of successive halving trains.

    Each round keeps the best ``1 / factor`` of the one before, and the last has fewer than
    ``factor``, as in scikit-learn.
    """
    found = [n_candidates]
    while found[-1] >= factor and (fewer := math.ceil(found[-1] / factor)) < found[-1]:
        found.append(fewer)
    return found


def n_passes(candidate, rounds_left, factor, min_resources):
    """Return the passes that a candidate is trained for, with so many rounds still to come.

    All of its own in the last round, and ``factor`` times fewer in each round before, but at least
    ``min_resources`` of them.
    """
    own = candidate.n_passes
    return min(own, max(min_resources, int(own / factor**rounds_left)))


def check_passes(name, candidates):
    """Raise ``ValueError`` if a candidate's trainer has no passes that could be divided."""
    for candidate in candidates:
        if not (isinstance(candidate.n_passes, Integral) and candidate.n_passes >= 1):
            raise ValueError(
                f"strategy='halving' divides the n_passes of a layer's trainer, and {name} as "
                f"{candidate.entry!r} has n_passes={candidate.n_passes!r}. Use strategy='random'."
            )


def survivors(candidates, means, number):
    """Return the best candidates of a round, at most so many, in the order of their indices.

    Parameters
    ----------
    candidates : list of Candidate
    means : ndarray of shape (n_candidates,)
        Their mean scores; not a number where one failed, and such do not go on.
    number : int
    """
    order = np.argsort(-means, kind="stable")  # what is not a number comes last
    kept = sorted(order[: min(number, int(np.isfinite(means).sum()))])
    return [candidates[place] for place in kept]
