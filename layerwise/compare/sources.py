"""From a name or a file to training, validation and test rows: what the command compares on."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.utils import check_random_state

from layerwise.datasets.cmnist import fetch_cmnist
from layerwise.datasets.splits import cut, thirds
from layerwise.datasets.tea import load_tea

NAMES = ("tea", "digits", "cmnist")
DIGITS = (1000, 397)  # of 1,797, for training and for validation; the other 400 are for test


@dataclass(frozen=True)
class Source:
    """Binary rows in three parts, and what is known of them.

    Parameters
    ----------
    name : str
        What the rows are called in tables and pictures.
    train, valid, test : ndarray of shape (n_rows, n_features)
        float64, zeros and ones.
    image_shape : tuple of two ints
        How a row is drawn.
    perfect : float or None
        Log-likelihood, in nats per row, of the distribution that the rows came from, if known.
    """

    name: str
    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    image_shape: tuple[int, int]
    perfect: float | None = None


def load(source, seed):
    """Return the rows of ``source`` for training, validation and test.

    Parameters
    ----------
    source : {"tea", "digits", "cmnist"} or path of a .npy or .csv file
        ``tea`` is split into thirds. ``digits`` is scikit-learn's, 1 where a pixel is at least
        half of the most (8 of 16), split into 1,000, 397 and 400. ``cmnist`` is the centres of
        MNIST's digits, 4,000 each, at hand or downloaded. A file holds rows of values in [0, 1],
        split into thirds. Values in between are means: each is drawn once, as 0 or 1.
    seed : int
        Decides the split, and what is drawn.

    Returns
    -------
    Source

    Raises
    ------
    ValueError
        With one sentence, if the data are not to be had, or a file holds anything else.
    """
    if source == "tea":
        tea = load_tea(random_state=seed)
        perfect = -math.log(len(tea.data))
        return Source("tea", tea.train, tea.valid, tea.test, (10, 10), perfect)
    if source == "digits":
        rows = (load_digits().data >= 8).astype(np.float64)
        return Source("digits", *cut(rows, *DIGITS, seed), (8, 8))
    if source == "cmnist":
        try:
            cmnist = fetch_cmnist(random_state=seed)
        except OSError as error:
            raise ValueError(str(error)) from error
        return Source("cmnist", cmnist.train, cmnist.valid, cmnist.test, cmnist.image_shape)
    return _split(Path(source).name, read(source), seed)


def read(path):
    """Return the array of a .npy or .csv file, checked.

    Returns
    -------
    ndarray of shape (n_rows, n_features) or, from .npy only, (n_rows, height, width)
        float64, within [0, 1].
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in (".npy", ".csv"):
        names = ", ".join(NAMES)
        raise ValueError(f"data '{path}' is neither a name ({names}) nor a .npy or .csv file.")
    if not path.is_file():
        raise ValueError(f"there is no file {path}.")
    try:
        if path.stat().st_size == 0:
            raise ValueError(f"{path} is empty; rows of values in [0, 1] are needed.")
        table = _read_npy(path) if kind == ".npy" else _read_csv(path)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}.") from error
    return _checked(table, path)


def _split(name, table, seed):
    """Return the thirds of rows or images, means drawn as states."""
    shape = table.shape[1:]
    if len(shape) == 1:
        side = math.isqrt(shape[0])
        shape = (side, side) if side**2 == shape[0] else (1, shape[0])
    generator = check_random_state(seed)
    parts = thirds(table.reshape(len(table), -1), generator)
    drawn = ((generator.random_sample(part.shape) < part).astype(np.float64) for part in parts)
    return Source(name, *drawn, image_shape=shape)


def _read_npy(path):
    try:
        table = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(
            f"{path} is not a numpy file of numbers; save one with numpy.save(file, array)."
        ) from error
    if not isinstance(table, np.ndarray):
        raise ValueError(f"{path} is an archive of arrays; save one with numpy.save(file, array).")
    if not (np.issubdtype(table.dtype, np.number) or table.dtype == bool) or np.iscomplexobj(
        table
    ):
        raise ValueError(f"{path} holds values of type {table.dtype}; real numbers are needed.")
    return table


def _read_csv(path):
    rows, width, first = [], 0, 0
    try:
        with open(path, encoding="utf-8-sig") as file:
            for line, text in enumerate(file, start=1):
                if not text.strip():
                    continue
                cells = text.split(",")
                if rows and len(cells) != width:
                    raise ValueError(
                        f"{path} has {len(cells)} values in line {line} and {width} in line "
                        f"{first}; all rows need the same number."
                    )
                if not rows:
                    width, first = len(cells), line
                rows.append([_number(cell, path, line, n) for n, cell in enumerate(cells, 1)])
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text file.") from error
    return np.array(rows, dtype=np.float64)


def _number(cell, path, line, column):
    try:
        return float(cell)
    except ValueError:
        raise ValueError(
            f"{path} holds '{cell.strip()[:20]}' in line {line}, column {column}; "
            "only numbers in [0, 1] are read, without a header."
        ) from None


def _checked(table, path):
    """Return the array as float64, if it is rows of values in [0, 1]."""
    if table.size == 0:
        raise ValueError(f"{path} holds no values; rows of values in [0, 1] are needed.")
    if table.ndim not in (2, 3):
        raise ValueError(
            f"{path} holds an array of shape {table.shape}; rows of values, of shape "
            "(n_rows, n_features), or images, of shape (n_rows, height, width), are needed."
        )
    if len(table) < 3:
        raise ValueError(
            f"{path} holds too few rows ({len(table)}); a third each is for training, validation "
            "and test, so at least 3 are needed."
        )
    # What scaling into [0, 1] rounds past its ends is taken, as estimators take it.
    slack = 4 * np.finfo(table.dtype).eps if np.issubdtype(table.dtype, np.floating) else 0
    table = table.astype(np.float64)
    # Written so that NaN, which compares with nothing, is found too.
    wrong = np.argwhere(~((table >= -slack) & (table <= 1 + slack)))
    if len(wrong):
        value = repr(float(table[tuple(wrong[0])])).removesuffix(".0")
        where = ", ".join(str(index) for index in wrong[0])
        raise ValueError(
            f"{path} holds {value} at [{where}], counted from 0; all values must be in [0, 1]."
        )
    return np.clip(table, 0, 1)
