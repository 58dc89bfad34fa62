"""What arrays of parameters must be: they may come from a user's hand."""

import numpy as np


def checked(name, value, shape, dtype=None):
    """Return parameters as a C-contiguous array, or raise what is wrong with them.

    Parameters
    ----------
    name : str
        What the sentence calls them.
    value : array-like
        Returned as it is if it is such an array already: trainers write into it.
    shape : tuple of int or None
        None is any length.
    dtype : dtype, default=None
        None keeps float32 and float64, and makes float64 of the rest.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If the shape is another, or a value is not a finite number.
    """
    try:
        array = np.asarray(value)
        if array.dtype.kind == "c":  # numpy would only warn, and take their real part
            raise TypeError("complex")
        kept = array.dtype in (np.float32, np.float64)
        array = np.ascontiguousarray(array, dtype or (array.dtype if kept else np.float64))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must be an array of real numbers, and is {value!r}. Set such an array."
        ) from error
    fits = array.ndim == len(shape) and all(
        asked in (None, found) for asked, found in zip(shape, array.shape)
    )
    if not fits:
        asked = ", ".join("any" if size is None else str(size) for size in shape)
        raise ValueError(
            f"{name} must have the shape ({asked}{',' * (len(shape) == 1)}), and has "
            f"{array.shape}. Set weights and intercepts that fit together."
        )
    # The smallest and largest of numbers among which there is NaN are NaN.
    if array.size and not (np.isfinite(array.min()) and np.isfinite(array.max())):
        raise ValueError(
            f"{name} must be finite numbers, and {np.count_nonzero(~np.isfinite(array))} of "
            f"{array.size} are not. Set others, or train again."
        )
    return array


def checked_log_variance(value, units, weights):
    """Return the logarithms of variances of a layer's units: None where none is Gaussian.

    Parameters
    ----------
    value : array-like of shape (n_units,), or None
    units : Units
    weights : ndarray of shape (any, n_units)
        Checked: they give the number of units and the dtype.
    """
    n_units = weights.shape[1]
    if not units.gaussian(n_units).any():
        if value is not None:
            raise ValueError(
                f"log_variance is for Gaussian units, and {units!r} has none. Leave it out."
            )
        return None
    if value is None:
        return np.zeros(n_units, weights.dtype)
    return checked("log_variance", value, (n_units,), weights.dtype)


def checked_log_of(variance, weights):
    """Return the logarithms of variances from a user's hand, or None for None.

    Parameters
    ----------
    variance : array-like of shape (n_units,), or None
    weights : ndarray of shape (any, n_units)
        Checked: they give the number of units and the dtype.
    """
    if variance is None:
        return None
    found = checked("noise_variance", variance, weights.shape[1:], weights.dtype)
    if not found.min() > 0:
        raise ValueError(
            f"noise_variance must be positive, and its smallest value is {float(found.min())!r}. "
            "Pass variances, and 1 for units that are not Gaussian."
        )
    return np.log(found)
