"""The images of MNIST as arrays: from a file at hand, or from OpenML through scikit-learn."""

import os
import warnings
import zipfile
import zlib
from dataclasses import dataclass
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path

import numpy as np

# sklearn.datasets takes a tenth of a second to import, so that only functions import it.
VARIABLE = "LAYERWISE_MNIST"
SIZE, CLASSES = 28, 10  # pixels on a side; digits
GREY_FILE, BINARY_FILE = "mnist_20k.npz", "binarized_mnist.npz"
BITS = "binary rows of 784 pixels packed by numpy.packbits into 98 columns of uint8"
FORMS = {
    GREY_FILE: "train_images and test_images (784 columns of uint8) and their digits, "
    "train_labels and test_labels",
    BINARY_FILE: f"train, valid and test ({BITS})",
}
UNREADABLE = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Digits:
    """Images of digits in grey values, and which digits they are.

    Parameters
    ----------
    images : ndarray of shape (n_images, 784), uint8
        0 is the paper and 255 the ink.
    labels : ndarray of shape (n_images,), int64
        0 to 9.
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self):
        return len(self.images)

    def __getitem__(self, rows):
        return Digits(self.images[rows], self.labels[rows])


def read_grey(data_home, download_if_missing):
    """Return the training digits and the test digits of MNIST.

    Parameters
    ----------
    data_home : str, path-like or None
        Folder of scikit-learn's data. If it is None, a file in the folder that
        ``LAYERWISE_MNIST`` names goes first.
    download_if_missing : bool
        May they be downloaded from OpenML?

    Returns
    -------
    train, test : Digits

    Raises
    ------
    OSError
        If they are not at hand and cannot be downloaded.
    ValueError
        If a file holds something else.
    """
    path = _at_hand(GREY_FILE, data_home)
    if path is None:
        return _from_openml(data_home, download_if_missing)
    names = [f"{part}_{what}" for part in ("train", "test") for what in ("images", "labels")]
    arrays = _arrays(path, names)
    for part in ("train", "test"):
        _check_rows(arrays[f"{part}_images"], SIZE**2, f"{path}: {part}_images", GREY_FILE)
        _check_labels(arrays, part, path)
    return tuple(
        Digits(arrays[f"{part}_images"], arrays[f"{part}_labels"].astype(np.int64))
        for part in ("train", "test")
    )


def read_binary(data_home):
    """Return the three parts of the fixed binarisation, from a file at hand.

    Parameters
    ----------
    data_home : str, path-like or None
        As for ``read_grey``.

    Returns
    -------
    train, valid, test : ndarray of shape (n_images, 784), uint8
        Zeros and ones.

    Raises
    ------
    OSError, ValueError
        As for ``read_grey``.
    """
    path = _at_hand(BINARY_FILE, data_home)
    if path is None:
        raise FileNotFoundError(
            f"the fixed binarisation of MNIST is not in {_home(data_home)}, and OpenML does not "
            f"have it: {_way_out(BINARY_FILE)}. The docstring of fetch_binarized_mnist shows how "
            "to make this file."
        )
    parts = _arrays(path, ["train", "valid", "test"])
    for name, rows in parts.items():
        _check_rows(rows, SIZE**2 // 8, f"{path}: {name}", BINARY_FILE)
    return tuple(np.unpackbits(rows, axis=1) for rows in parts.values())


def _way_out(name):
    return f"let the environment variable {VARIABLE} name a folder with {name}: {FORMS[name]}"


def _home(data_home):
    """Return the folder of scikit-learn's data, which scikit-learn makes if there is none."""
    from sklearn.datasets import get_data_home

    try:
        return Path(get_data_home(data_home))
    except OSError as error:
        raise OSError(
            f"the folder {error.filename} for data cannot be made: {error.strerror}. "
            f"Give another data_home, or let {VARIABLE} name a folder with {GREY_FILE}."
        ) from error


def _at_hand(name, data_home):
    """Return the path of a file of arrays, or None where scikit-learn's folder has none.

    Who sets the variable means that folder: what it lacks is not silently looked for elsewhere.
    """
    folder = os.environ.get(VARIABLE)
    if data_home is None and folder:
        path = Path(folder).expanduser() / name
        if not path.is_file():
            raise FileNotFoundError(
                f"{VARIABLE} names {folder}, where there is no file {name}. Put it there "
                f"({FORMS[name]}), or unset the variable."
            )
        return path
    path = _home(data_home) / name
    return path if path.is_file() else None


def _arrays(path, names):
    """Return the arrays of a .npz file by name."""
    try:
        # numpy takes any other file for a pickle, and advises to trust it.
        if not zipfile.is_zipfile(path):
            raise ValueError("it is no file of numpy.savez, or not all of one")
        with np.load(path, allow_pickle=False) as file:
            missing = [name for name in names if name not in file]
            if missing:
                raise ValueError(f"it has no array {missing[0]}")
            return {name: file[name] for name in names}
    except UNREADABLE as error:
        raise ValueError(
            f"{path} cannot be read as numpy arrays: {_reason(error)}. It needs "
            f"{FORMS[path.name]}."
        ) from error


def _check_rows(rows, width, what, name):
    if rows.dtype != np.uint8 or rows.ndim != 2 or rows.shape[1] != width or len(rows) == 0:
        raise ValueError(
            f"{what} has shape {rows.shape} and type {rows.dtype}, and {width} columns of uint8 "
            f"are needed. {name} holds {FORMS[name]}."
        )


def _check_labels(arrays, part, path):
    labels, n_images = arrays[f"{part}_labels"], len(arrays[f"{part}_images"])
    fit = labels.shape == (n_images,) and np.issubdtype(labels.dtype, np.integer)
    if not fit or labels.min() < 0 or labels.max() >= CLASSES:
        raise ValueError(
            f"{path}: {part}_labels are not {n_images} whole numbers from 0 to 9, one for each "
            f"row of {part}_images."
        )


def _from_openml(data_home, download_if_missing):
    """Return the training digits and the test digits of OpenML's ``mnist_784``."""
    from sklearn.datasets import fetch_openml

    home = _home(data_home)
    # scikit-learn writes this file last.
    if not download_if_missing and not any((home / "openml").rglob("mnist_784.arff.gz")):
        raise FileNotFoundError(
            f"MNIST is not in {home} and download_if_missing=False. Allow the download, or "
            f"{_way_out(GREY_FILE)}."
        )
    # "auto" is scikit-learn's own choice for a dense table, but needs pandas; the other is slow.
    parser = "auto" if find_spec("pandas") else "liac-arff"
    try:
        with warnings.catch_warnings():
            # What they say is in the error, if it comes to that.
            warnings.filterwarnings("ignore", "A network error occurred|Invalid cache")
            found = fetch_openml(
                "mnist_784",
                version=1,
                as_frame=False,
                data_home=home,
                parser=parser,
                # As bytes, the labels too. OpenML calls these categories, of which pandas 3.1
                # makes whole numbers, and scikit-learn 1.9 takes them for words.
                read_csv_kwargs={"dtype": np.uint8},
            )
    except (*UNREADABLE, HTTPException, KeyError) as error:
        raise OSError(
            f"MNIST could not be had from OpenML into {home}: {_reason(error)}. Try again with a "
            f"network, or {_way_out(GREY_FILE)}."
        ) from error
    return _halves(np.asarray(found.data), np.asarray(found.target))


def _halves(images, labels):
    """Return the training digits and the test digits, which are the last seventh."""
    if images.ndim != 2 or images.shape[1] != SIZE**2 or len(images) < 7:
        raise ValueError(
            f"OpenML's mnist_784 has shape {images.shape}, and rows of {SIZE**2} pixels are "
            f"needed: {_way_out(GREY_FILE)}."
        )
    digits = Digits(images.astype(np.uint8), labels.astype(np.int64))
    n_train = len(images) - len(images) // 7  # 60,000 of 70,000
    return digits[:n_train], digits[n_train:]


def _reason(error):
    """Return what an error says, as a part of a sentence."""
    error = getattr(error, "reason", error)  # URLError hides it
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(said).strip().rstrip(".")
