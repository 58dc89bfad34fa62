"""Training, validation and test rows: a third each, under a seed."""

from sklearn.utils import check_random_state


def thirds(data, random_state):
    """Return training, validation and test rows: a random third of ``data`` each.

    Parameters
    ----------
    data : ndarray of shape (n_samples, ...)
    random_state : int, RandomState instance or None
        The rows are permuted by ``RandomState(seed).permutation(n_samples)``, then cut. Where
        ``n_samples`` is not a multiple of 3, the last part is the larger one.

    Returns
    -------
    train, valid, test : ndarray
    """
    order = check_random_state(random_state).permutation(len(data))
    third = len(data) // 3
    return data[order[:third]], data[order[third : 2 * third]], data[order[2 * third :]]
