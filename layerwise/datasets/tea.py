"""Tea: images of a pot and five cups, made so that a deep model is the right one."""

from itertools import product

import numpy as np
from sklearn.utils import Bunch

from layerwise.datasets.splits import thirds

SIZE, CUPS, CUP_ROWS = 10, 5, 2  # pixels on a side; cups, one above another; rows of a cup

DESCR = """\
Tea: how five cups can be filled from one pot
---------------------------------------------
:Images: 243, each different, of 10 x 10 pixels of value 0 or 1
:Pixels that are 1: always 50

The left half of an image is a teapot of 10 x 5 pixels. The right half is five cups of 2 x 5
pixels, one above another. Ones are liquid, and lie at the bottom of each container. A cup holds
0, 1 or 2 rows of liquid and the pot holds what is left of 10 rows, so that the five cups say all
there is to say: 3**5 = 243 images. A model that knows the data exactly gives each image the
log-likelihood log(1/243) = -5.49 nats; a model that knows nothing gives -100 log 2 = -69.31.

The images are divided into 81 for training, 81 for validation and 81 for test.

Source: L. Arnold and Y. Ollivier, "Layer-wise learning of deep generative models",
arXiv:1212.1524 (2013).
"""


def _image(cups):
    """Return the image whose cups, from the top down, hold so many rows of liquid."""
    image = np.zeros((SIZE, SIZE))
    left = SIZE - sum(cups)
    image[SIZE - left :, : SIZE // 2] = 1
    for cup, rows in enumerate(cups):
        floor = CUP_ROWS * (cup + 1)
        image[floor - rows : floor, SIZE // 2 :] = 1
    return image


def load_tea(*, random_state=1212):
    """Load Tea, 243 binary images of 10 x 10 pixels, and a split into thirds.

    Parameters
    ----------
    random_state : int, RandomState instance or None, default=1212
        The split's seed. Rows ``p[:81]``, ``p[81:162]`` and ``p[162:]`` of ``data`` are for
        training, validation and test, where ``p`` is
        ``numpy.random.RandomState(seed).permutation(243)``. ``data`` and ``images`` do not
        depend on it. The default is an arbitrary number, so that who does not care gets the same
        split each time.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        images : ndarray of shape (243, 10, 10)
            The images, float64, zeros and ones.
        data : ndarray of shape (243, 100)
            The images, a row of pixels each.
        train, valid, test : ndarray of shape (81, 100)
            The three parts of ``data``.
        feature_names : list of length 100
            The names of the pixels.
        DESCR : str
            The description of the data.

    References
    ----------
    .. [1] L. Arnold and Y. Ollivier, "Layer-wise learning of deep generative models",
       arXiv:1212.1524 (2013).

    Examples
    --------
    >>> from layerwise.datasets import load_tea
    >>> tea = load_tea()
    >>> tea.train.shape, tea.valid.shape, tea.test.shape
    ((81, 100), (81, 100), (81, 100))
    """
    images = np.array([_image(cups) for cups in product(range(CUP_ROWS + 1), repeat=CUPS)])
    data = images.reshape(len(images), -1)
    train, valid, test = thirds(data, random_state)
    return Bunch(
        images=images,
        data=data,
        train=train,
        valid=valid,
        test=test,
        feature_names=[f"pixel_{row}_{column}" for row in range(SIZE) for column in range(SIZE)],
        DESCR=DESCR,
    )
