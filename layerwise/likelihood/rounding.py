"""What rounding may change in a certified number."""

import numpy as np

from layerwise.models.units import BITS
from layerwise.numerics.rows import by_blocks, dense

# 2**-53 is half a unit in the last place of 1. Bounds are doubled: they count roundings to first
# order, and the second is smaller by 1e13.
TWICE_HALF_ULP = 2.0**-52


def rounding(conditional, n_terms, X=None, shares=None):
    """Return a bound, in nats, of what rounding changes in an end of the bracket.

    It holds for any finite parameters. With u = 2**-53, m units x, n latent units h, ``n_terms``
    terms in a mean over rows or over the states of a support, and L the largest size that a
    log p(x | h) can have, plus 745 (no weight is below e^-745):

    - Such a mean is a sum of positive numbers: one rounding for each, 3 n for their factors, and
      2 n + 16 of exponents of at most L.
    - Where rows have shares of their own, each is rounded twice, as are its logarithm, which is
      an exponent of at most 745, its product with a row's number, and their sums: 8 of L.
    - log p(x | h) is wrong by what ``_of_bits`` or ``_of_any_units`` says.

    The bound is twice the sum of these.

    Parameters
    ----------
    conditional : Conditional
    n_terms : int
    X : ndarray or CSR of shape (n_rows, n_visible), default=None
        The rows; not needed where all visible units have two states.
    shares : ndarray of shape (n_rows,), default=None
        Of the rows in the means over them; None is equal ones.

    Returns
    -------
    float
    """
    bits, n = conditional.in_bits(), conditional.n_latent
    # The largest size of each unit's field.
    size = np.abs(bits.bias) + np.abs(bits.weights).sum(axis=0)
    # Where states of other units became bits, each bias took n additions on its way.
    mapped = 0 if conditional.latent == BITS else n + 1
    if bits.visible == BITS:
        largest, of_terms = _of_bits(n, size, mapped)
    else:
        largest, of_terms = _of_any_units(bits, size, mapped, X)
    largest += 745
    exponents = 2 * n + (16 if shares is None else 24)
    return TWICE_HALF_ULP * (of_terms + n_terms + 3 * n + exponents * largest)


def _of_bits(n, size, mapped):
    """Return the largest size of log p(x | h), and its roundings in units of u: of bits x.

    It is a linear part, of at most m + n + 2 additions, minus a sum of softpluses, whose kernel
    takes at most m + 12 additions a field, 14 roundings of a factor for each unit, and 4 of a
    logarithm, which is itself at most S + m, with S the sum of the sizes of all fields. A bias
    that is wrong changes the linear part and the softplus each by no more than itself.
    """
    m, total = len(size), float(size.sum())
    roundings = (2 * m + n + 14 + 2 * mapped) * total + 14 * m + 4 * (total + m + 745)
    return total + m, roundings


def _of_any_units(bits, size, mapped, X):
    """Return the largest size of log p(x | h), and its roundings in units of u: of any units.

    With s_i the largest size of the field of unit i, x_i the largest size of its values in ``X``,
    mu_i the largest size of its mean, which is the slope of its log-partition, and A_i that of
    the log-partition itself:

    - The linear part is at most sum of x_i s_i, and takes m + n + 2 additions.
    - A base density has at most 5 roundings, and the sum over units m.
    - Each field takes n + 1 additions, which its log-partition multiplies by mu_i.
    - A log-partition has at most 24 roundings of A_i and of its terms, which are no larger; their
      sum takes at most m + 8 more.

    For units in [-1, 1], mu_i is 1 and A_i at most s_i + 1 (of a softmax group, log(g) is shared
    by its g units); for a Gaussian unit of variance s2 they are s2 s_i and s2 s_i**2 / 2 +
    |log s2| / 2 + 1.
    """
    n, m = bits.weights.shape
    gaussian = bits.visible.gaussian(m)
    log_variance = np.zeros(m) if bits.log_variance is None else bits.log_variance
    variance = np.where(gaussian, np.exp(log_variance), 0)
    mean = np.where(gaussian, variance * size, 1)
    partition = np.where(
        gaussian, variance * size**2 / 2 + np.abs(log_variance) / 2 + 1, size + 1
    ).sum()
    value = dense(abs(X).max(axis=0)).ravel()
    base = by_blocks(lambda rows: -bits.visible.log_base(rows, bits.log_variance), X)
    base = float(np.max(base))
    linear = float(value @ size)
    roundings = (m + n + 2) * linear + (m + 5) * base + (m + 32) * partition
    roundings += (n + 1) * float(mean @ size) + mapped * float((value + mean) @ size)
    return linear + base + float(partition), roundings
