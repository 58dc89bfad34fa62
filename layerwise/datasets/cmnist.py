"""Cmnist: the centres of handwritten digits, small enough for exact likelihoods."""

import numpy as np
from sklearn.utils import check_random_state

from layerwise._sklearn import NON_NEGATIVE_INTEGER, POSITIVE_INTEGER, StrOptions, validate_params
from layerwise.datasets.mnist import NAMES, VALUES, WHERE, bunch, chosen
from layerwise.datasets.mnist_files import SIZE, Digits, read_grey

FIRST, SIDE = 9, 10  # of the rows and of the columns that are kept
CENTRE = np.arange(SIZE**2).reshape(SIZE, SIZE)[FIRST : FIRST + SIDE, FIRST : FIRST + SIDE].ravel()

DESCR = """\
Cmnist: the centres of handwritten digits
-----------------------------------------
:Images: of 10 x 10 pixels: rows and columns 9 to 18, counted from 0, of the 28 x 28 of MNIST
:Values: states 0 and 1, drawn once with the grey values as probabilities; or the grey values
:Classes: the digits 0 to 9

4,000 images are for training and 4,000 for validation, from MNIST's training images, and 4,000 for
test, from its test images. Which crop and which images the paper used is not known. A model that
knows nothing gives an image -100 log 2 = -69.31 nats. Independent pixels with the means of the
training images give those for validation about -66.3 here, and -67.38 in the paper.

Sources: L. Arnold and Y. Ollivier, "Layer-wise learning of deep generative models",
arXiv:1212.1524 (2013); Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning
applied to document recognition", Proceedings of the IEEE 86 (1998).
"""


@validate_params(
    {
        "values": [StrOptions(VALUES)],
        "n_train": [POSITIVE_INTEGER],
        "n_valid": [NON_NEGATIVE_INTEGER],
        "n_test": [NON_NEGATIVE_INTEGER],
        "random_state": ["random_state"],
        **WHERE,
    },
    prefer_skip_nested_validation=True,
)
def fetch_cmnist(
    *,
    values="binary",
    n_train=4000,
    n_valid=4000,
    n_test=4000,
    random_state=1212,
    data_home=None,
    download_if_missing=True,
):
    """Load Cmnist, the 10 x 10 centres of MNIST's digits, drawn once as binary images.

    Parameters
    ----------
    values : {"binary", "grey"}, default="binary"
        States, 0 or 1, drawn once under the seed, a pixel being 1 with its grey value as the
        probability; or the grey values themselves, in [0, 1].
    n_train, n_valid, n_test : int, default=4000
        Images for training and for validation, from MNIST's training images, and for test, from
        its test images.
    random_state : int, RandomState instance or None, default=1212
        Seed of the choice of images, and then of the states. :func:`fetch_mnist` chooses the same
        images under the same seed and sizes.
    data_home : str or path-like, default=None
        Where the images of MNIST are, as for :func:`fetch_mnist`.
    download_if_missing : bool, default=True
        Download the images of MNIST if they are not at hand. If False, raise an OSError.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        train : ndarray of shape (n_train, 100)
            Rows of pixels for training, float64.
        valid : ndarray of shape (n_valid, 100)
            The same for validation.
        test : ndarray of shape (n_test, 100)
            The same for test.
        train_target, valid_target, test_target : ndarray of shape (n_train,), ...
            The digits on them, int64, 0 to 9.
        image_shape : tuple
            (10, 10).
        feature_names : list of length 100
            The names of the pixels, with their row and column in MNIST.
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
    fetch_mnist : The whole images.

    References
    ----------
    .. [1] L. Arnold and Y. Ollivier, "Layer-wise learning of deep generative models",
       arXiv:1212.1524 (2013).
    .. [2] Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to
       document recognition", Proceedings of the IEEE 86, 2278-2324 (1998).

    Examples
    --------
    >>> from layerwise.datasets import fetch_cmnist
    >>> cmnist = fetch_cmnist()  # doctest: +SKIP
    >>> cmnist.train.shape, cmnist.valid.shape, cmnist.test.shape  # doctest: +SKIP
    ((4000, 100), (4000, 100), (4000, 100))
    """
    generator = check_random_state(random_state)
    train, test = read_grey(data_home, download_if_missing)
    parts = chosen(train, test, (n_train, n_valid, n_test), generator)
    centres = [Digits(part.images[:, CENTRE], part.labels) for part in parts]
    return bunch(
        centres,
        values,
        generator,
        image_shape=(SIDE, SIDE),
        feature_names=[NAMES[pixel] for pixel in CENTRE],
        DESCR=DESCR,
    )
