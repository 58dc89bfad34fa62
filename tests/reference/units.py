"""Layers of units: the specification of src/units/.

A layer is a list of runs (kind, size), and a kind is an index of ``KINDS``. The functions of a
kind take the fields of one run, of shape (n_rows, size), and its standard deviations.
"""

import numpy as np

from reference.philox import uniforms, words


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


class Bernoulli:
    """0 and 1."""

    def mean(field, scale):
        return means(field)

    def draw(field, scale, uniform, word):
        return uniform < means(field)

    def log_partition(field, scale):
        return np.logaddexp(0, field).sum(axis=1)


class Spin:
    """-1 and 1."""

    def mean(field, scale):
        return np.tanh(field)

    def draw(field, scale, uniform, word):
        return np.where(uniform < means(2 * field), 1, -1)

    def log_partition(field, scale):
        return np.logaddexp(field, -field).sum(axis=1)


class Gaussian:
    """Real numbers, with a base density of exp(-v^2 / (2 scale^2))."""

    def mean(field, scale):
        return scale**2 * field

    def draw(field, scale, uniform, word):
        """By Box and Muller: the units of addresses 2k and 2k + 1 share their numbers.

        These stand in a lane of their own, or a unit of another kind would share them too.
        """
        unit = np.arange(uniform.shape[1])
        even, odd = unit & ~1, unit | 1
        length = np.sqrt(-2 * np.log1p(-uniform[:, even]))
        angle = 2 * np.pi * word[:, odd] * 2.0**-32
        return scale**2 * field + scale * length * np.where(unit % 2, np.sin(angle), np.cos(angle))

    def log_partition(field, scale):
        return ((scale * field) ** 2 / 2 + np.log(2 * np.pi * scale**2) / 2).sum(axis=1)


class TruncatedExponential:
    """Numbers in [0, 1], with a density proportional to exp(field v)."""

    def mean(field, scale):
        b = np.abs(field.astype(np.longdouble))
        small = np.minimum(b, 0.01)
        with np.errstate(divide="ignore", invalid="ignore"):
            away = 1 / b - np.exp(-b) / -np.expm1(-b)
        mean = np.where(b < 0.01, 0.5 - small / 12 + small**3 / 720 - small**5 / 30240, away)
        return np.where(field > 0, 1 - mean, mean).astype(float)

    def draw(field, scale, uniform, word):
        b = np.maximum(np.abs(field), 1e-30)
        fallen = -np.log1p(uniform * np.expm1(-b)) / b
        return np.where(field > 0, 1 - fallen, fallen)

    def log_partition(field, scale):
        b = np.maximum(np.abs(field), 1e-30)
        return (np.maximum(field, 0) + np.log(-np.expm1(-b) / b)).sum(axis=1)


class Softmax:
    """Zeros and a single 1."""

    def mean(field, scale):
        weight = np.exp(field - field.max(axis=1, keepdims=True))
        return weight / weight.sum(axis=1, keepdims=True)

    def draw(field, scale, uniform, word):
        cumulated = Softmax.mean(field, scale).cumsum(axis=1)
        chosen = (cumulated <= uniform[:, :1]).sum(axis=1)
        return np.eye(field.shape[1])[np.minimum(chosen, field.shape[1] - 1)]

    def log_partition(field, scale):
        return np.logaddexp.reduce(field, axis=1)


LANE_OF_NORMALS = 0x80000000
KINDS = [Bernoulli, Spin, Gaussian, TruncatedExponential, Softmax]


def slices(runs):
    """Yield the kind and the units of each run."""
    first = 0
    for kind, size in runs:
        yield KINDS[kind], slice(first, first + size)
        first += size


def unit_means(field, runs, scale):
    """Return the expected states, in float64."""
    field = field.astype(float)
    parts = [kind.mean(field[:, here], scale[here]) for kind, here in slices(runs)]
    return np.concatenate(parts, axis=1)


def unit_draws(field, runs, scale, key, step, lane):
    """Return states in float64, drawn by the numbers that the field's dtype has at the addresses.

    Number j of a row is that of unit j of the layer; a kind whose units share numbers finds
    them by the place in the layer, so it is handed all of them and its fields between zeros.
    """
    n_rows, n_units = field.shape
    dtype = field.dtype
    field, scale = field.astype(float), scale.astype(float)
    even = n_units + n_units % 2
    uniform = uniforms(n_rows, even, key, step, lane, dtype).astype(float)
    word = words(n_rows, even, key, step, lane)
    normal_lane = lane ^ LANE_OF_NORMALS
    normal_uniform = uniforms(n_rows, even, key, step, normal_lane, dtype).astype(float)
    normal_word = words(n_rows, even, key, step, normal_lane)
    parts = []
    for kind, here in slices(runs):
        if kind is Gaussian:
            widened = np.zeros((n_rows, even))
            widened[:, here] = field[:, here]
            scales = np.zeros(even)
            scales[here] = scale[here]
            drawn = kind.draw(widened, scales, normal_uniform, normal_word)[:, here]
        else:
            drawn = kind.draw(field[:, here], scale[here], uniform[:, here], word[:, here])
        parts.append(drawn)
    return np.concatenate(parts, axis=1).astype(float)


def unit_log_partitions(field, runs, scale):
    """Return the sum over units of their log-partitions for each row, in float64."""
    field, scale = field.astype(float), scale.astype(float)
    return sum(kind.log_partition(field[:, here], scale[here]) for kind, here in slices(runs))
