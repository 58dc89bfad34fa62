"""MNIST: handwritten digits, in grey values, drawn as states, or in the fixed binarisation."""

from os import PathLike

import numpy as np
from sklearn.utils import Bunch, check_random_state

from layerwise._sklearn import NON_NEGATIVE_INTEGER, POSITIVE_INTEGER, StrOptions, validate_params
from layerwise.datasets.mnist_files import SIZE, read_binary, read_grey
from layerwise.datasets.splits import states

VALUES = {"grey", "binary"}
WHERE = {"data_home": [str, PathLike, None], "download_if_missing": ["boolean"]}
NAMES = [f"pixel_{row}_{column}" for row in range(SIZE) for column in range(SIZE)]

DESCR = """\
MNIST: handwritten digits
-------------------------
:Images: 70,000 of 28 x 28 pixels; 60,000 of them for training, 10,000 for test
:Values: grey, in [0, 1]; or states 0 and 1, drawn once with the grey values as probabilities
:Classes: the digits 0 to 9

Validation images are taken from the training images at random. Likelihoods of states that are
drawn under a seed differ with the seed; published ones are of the fixed binarisation, which
fetch_binarized_mnist loads.

Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document
recognition", Proceedings of the IEEE 86 (1998); from OpenML, https://www.openml.org/d/554.
"""
BINARIZED_DESCR = """\
MNIST, the fixed binarisation
-----------------------------
:Images: 50,000 for training, 10,000 for validation, 10,000 for test, of 28 x 28 pixels
:Values: 0 and 1

Each image of MNIST was drawn once, with its grey values as probabilities, and kept: published
log-likelihoods of binary MNIST are of these rows. There are no labels. The rows for test are in
the order of their digits.

Source: H. Larochelle and I. Murray, "The neural autoregressive distribution estimator", AISTATS
(2011).
"""


@validate_params(
    {
        "values": [StrOptions(VALUES)],
        "n_train": [POSITIVE_INTEGER, None],
        "n_valid": [NON_NEGATIVE_INTEGER, None],
        "n_test": [NON_NEGATIVE_INTEGER, None],
        "random_state": ["random_state"],
        **WHERE,
    },
    prefer_skip_nested_validation=True,
)
def fetch_mnist(
    *,
    values="grey",
    n_train=None,
    n_valid=None,
    n_test=None,
    random_state=1212,
    data_home=None,
    download_if_missing=True,
):
    """Load MNIST, images of handwritten digits, from OpenML or from a file at hand.

    Parameters
    ----------
    values : {"grey", "binary"}, default="grey"
        Grey values in [0, 1], or states, 0 or 1, drawn once under the seed: a pixel is 1 with its
        grey value as the probability.
    n_train : int, default=None
        Images for training. None is for all training images that are not for validation.
    n_valid : int, default=None
        Images for validation, also taken from the training images. None is for a sixth of them,
        10,000 of 60,000.
    n_test : int, default=None
        Images for test, taken from the test images at random. None is for all.
    random_state : int, RandomState instance or None, default=1212
        Seed of the choice of images, and then of the states. The same images are chosen for grey
        values and for states.
    data_home : str or path-like, default=None
        Folder of scikit-learn's data, which may hold ``mnist_20k.npz`` (see Notes) or what
        :func:`~sklearn.datasets.fetch_openml` has put there. None is for the folder that the
        environment variable ``LAYERWISE_MNIST`` names, if it is set, and otherwise for
        scikit-learn's own: that of ``SCIKIT_LEARN_DATA``, or ``~/scikit_learn_data``.
    download_if_missing : bool, default=True
        Download the images if they are not at hand. If False, raise an OSError.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        train : ndarray of shape (n_train, 784)
            Rows of pixels for training, float64, in random order.
        valid : ndarray of shape (n_valid, 784)
            The same for validation.
        test : ndarray of shape (n_test, 784)
            The same for test, in their own order.
        train_target, valid_target, test_target : ndarray of shape (n_train,), ...
            The digits on them, int64, 0 to 9.
        image_shape : tuple
            (28, 28).
        feature_names : list of length 784
            The names of the pixels.
        DESCR : str
            The description of the data.

    Raises
    ------
    OSError
        If the images are neither at hand nor to be downloaded.
    ValueError
        If a file holds something else, or fewer images than are asked for.

    See Also
    --------
    fetch_binarized_mnist : The fixed binarisation, which published log-likelihoods are of.
    fetch_cmnist : The centres of these images.

    Notes
    -----
    ``mnist_20k.npz`` is a file of :func:`numpy.savez` with ``train_images`` and ``test_images``
    (784 columns of uint8, 0 to 255), ``train_labels`` and ``test_labels``, of any number of rows.
    Other images than OpenML's 70,000 are chosen from it under the same seed.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to
       document recognition", Proceedings of the IEEE 86, 2278-2324 (1998).

    Examples
    --------
    >>> from layerwise.datasets import fetch_mnist
    >>> mnist = fetch_mnist(values="binary", n_train=5000)  # doctest: +SKIP
    >>> mnist.train.shape, mnist.test.shape  # doctest: +SKIP
    ((5000, 784), (10000, 784))
    """
    generator = check_random_state(random_state)
    train, test = read_grey(data_home, download_if_missing)
    n_valid = len(train) // 6 if n_valid is None else n_valid
    n_train = max(1, len(train) - n_valid) if n_train is None else n_train
    n_test = len(test) if n_test is None else n_test
    parts = chosen(train, test, (n_train, n_valid, n_test), generator)
    return bunch(
        parts, values, generator, image_shape=(SIZE, SIZE), feature_names=NAMES.copy(), DESCR=DESCR
    )


@validate_params({"data_home": WHERE["data_home"]}, prefer_skip_nested_validation=True)
def fetch_binarized_mnist(*, data_home=None):
    """Load the fixed binarisation of MNIST, which published log-likelihoods are of.

    It is not on OpenML, so that nothing is downloaded: a file is read. See Notes for how to make
    it.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder that holds ``binarized_mnist.npz``. None is for the folder that the environment
        variable ``LAYERWISE_MNIST`` names, if it is set, and otherwise for scikit-learn's own:
        that of ``SCIKIT_LEARN_DATA``, or ``~/scikit_learn_data``.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        train : ndarray of shape (50000, 784)
            Rows of pixels for training, float64, zeros and ones.
        valid : ndarray of shape (10000, 784)
            The same for validation.
        test : ndarray of shape (10000, 784)
            The same for test, in the order of their digits: permute them before you take fewer.
        image_shape : tuple
            (28, 28).
        feature_names : list of length 784
            The names of the pixels.
        DESCR : str
            The description of the data.

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        If it holds something else.

    See Also
    --------
    fetch_mnist : Grey values with labels, or states drawn from them under a seed.

    Notes
    -----
    The authors' files ``binarized_mnist_train.amat``, ``binarized_mnist_valid.amat`` and
    ``binarized_mnist_test.amat``, in
    http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist, are tables of zeros and
    ones. This makes one small file of them::

        parts = {
            part: np.packbits(np.loadtxt(f"binarized_mnist_{part}.amat", dtype=np.uint8), axis=1)
            for part in ("train", "valid", "test")
        }
        np.savez_compressed("binarized_mnist.npz", **parts)

    References
    ----------
    .. [1] H. Larochelle and I. Murray, "The neural autoregressive distribution estimator", AISTATS
       (2011).

    Examples
    --------
    >>> from layerwise.datasets import fetch_binarized_mnist
    >>> mnist = fetch_binarized_mnist()  # doctest: +SKIP
    >>> mnist.train.shape, mnist.valid.shape, mnist.test.shape  # doctest: +SKIP
    ((50000, 784), (10000, 784), (10000, 784))
    """
    train, valid, test = (rows.astype(np.float64) for rows in read_binary(data_home))
    return Bunch(
        train=train,
        valid=valid,
        test=test,
        image_shape=(SIZE, SIZE),
        feature_names=NAMES.copy(),
        DESCR=BINARIZED_DESCR,
    )


def chosen(train, test, sizes, generator):
    """Return so many digits for training, validation and test, under a seed.

    Parameters
    ----------
    train, test : Digits
        MNIST's own two parts. Digits for validation are taken from the first.
    sizes : tuple of three ints
    generator : RandomState instance

    Returns
    -------
    list of three Digits
    """
    n_train, n_valid, n_test = sizes
    if n_train + n_valid > len(train):
        raise ValueError(
            f"n_train={n_train} and n_valid={n_valid} ask for {n_train + n_valid} training "
            f"images of MNIST, and there are {len(train)}. Ask for fewer."
        )
    if n_test > len(test):
        raise ValueError(
            f"n_test={n_test} asks for more test images of MNIST than there are, {len(test)}. "
            "Ask for fewer."
        )
    order = generator.permutation(len(train))
    of_test = np.sort(generator.permutation(len(test))[:n_test])
    return [train[order[:n_train]], train[order[n_train : n_train + n_valid]], test[of_test]]


def bunch(parts, values, generator, **more):
    """Return the pixels of three parts, as grey values or as states, with their labels.

    Parameters
    ----------
    parts : list of three Digits
    values : {"grey", "binary"}
    generator : RandomState instance
        Draws the states.
    **more : dict
        What else the bunch holds.

    Returns
    -------
    Bunch
    """
    rows = [
        states(part.images, generator) if values == "binary" else part.images / 255
        for part in parts
    ]
    names = ("train", "valid", "test")
    targets = {f"{name}_target": part.labels for name, part in zip(names, parts)}
    return Bunch(**dict(zip(names, rows)), **targets, **more)
