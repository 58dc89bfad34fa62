"""Training, validation and test rows under a seed, and states drawn from grey values."""

import numpy as np
from sklearn.utils import check_random_state


def cut(data, n_train, n_valid, random_state):
    """Return training, validation and test rows: all rows of ``data``, permuted and cut in three.

    Parameters
    ----------
    data : ndarray of shape (n_samples, ...)
    n_train, n_valid : int
        Rows of the first two parts; the rest is the third.
    random_state : int, RandomState instance or None
        The rows are permuted by ``RandomState(seed).permutation(n_samples)``, then cut.

    Returns
    -------
    train, valid, test : ndarray
    """
    order = check_random_state(random_state).permutation(len(data))
    return tuple(data[part] for part in np.split(order, [n_train, n_train + n_valid]))


def thirds(data, random_state):
    """Return training, validation and test rows: a random third of ``data`` each.

    Parameters
    ----------
    data : ndarray of shape (n_samples, ...)
    random_state : int, RandomState instance or None
        As for ``cut``. Where ``n_samples`` is not a multiple of 3, the last part is the larger
        one.

    Returns
    -------
    train, valid, test : ndarray
    """
    third = len(data) // 3
    return cut(data, third, third, random_state)


def states(grey, generator):
    """Return a state, 0 or 1, for each grey value of 255: 1 with probability value / 255.

    Parameters
    ----------
    grey : ndarray of uint8
    generator : RandomState instance

    Returns
    -------
    ndarray of float64, of the shape of ``grey``
    """
    # Whole numbers below 255, each as likely: value / 255 of them are below the value, exactly.
    threshold = generator.randint(0, 255, grey.shape, dtype=np.uint8)
    return (threshold < grey).astype(np.float64)
