"""Structs that C, Cython and numpy share: that they agree is checked once, at import."""

import numpy as np


def agreed(dtype, size_of):
    """Return a structured dtype, if a door reads its values as the structs that C has.

    Parameters
    ----------
    dtype : dtype
    size_of : callable
        A door that takes an array of such values and returns the bytes of one in C. Cython checks
        that the types and places of their fields are the same.

    Raises
    ------
    ImportError
        If they differ: the sources and what was built of them are not of one version.
    """
    try:
        size = size_of(np.zeros(1, dtype=dtype))
    except ValueError as error:
        size = error
    if size != dtype.itemsize:
        raise ImportError(
            f"{size_of.__module__}.{size_of.__name__} has another struct than {dtype}: {size}. "
            "The kernels were built from other sources; build them again."
        )
    return dtype
