"""Layers of Bernoulli units: the specification of src/units/units.h."""

import numpy as np

from reference.philox import uniforms


def means(field):
    """Return p(unit = 1 | field)."""
    return 1 / (1 + np.exp(-field))


def states(mean, key, step, lane):
    """Return 1 where the number at the address is below the mean."""
    uniform = uniforms(*mean.shape, key, step, lane, mean.dtype)
    return (uniform < mean).astype(mean.dtype)


def softplus_sums(field):
    """Return the sum over units of log(1 + exp(field)), for each row."""
    return np.logaddexp(0, field).sum(axis=1)
