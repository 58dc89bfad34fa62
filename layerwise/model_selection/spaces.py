"""Search spaces: what is tried for each layer, as a function of the space and a seed alone."""

import functools
import inspect
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_scalar

from layerwise.estimators.foreign import as_layer
from layerwise.model_selection.records import fingerprint

__all__ = ["N_ITER", "Candidate", "by_layer", "candidates", "described", "numbers_of_candidates"]

N_ITER = 10  # candidates of a layer of which nothing is said


@dataclass(frozen=True)
class Candidate:
    """One choice for one layer.

    Parameters
    ----------
    index : int
        Which of the layer, from 0.
    params : dict
        Of the DBN, by its own names.
    entry : estimator
        The layer with these parameters, unfitted.
    """

    index: int
    params: dict
    entry: BaseEstimator

    @property
    def n_passes(self):
        """Passes of the layer's trainer, or None where it has none."""
        return getattr(getattr(as_layer(self.entry), "_trainer", None), "n_passes", None)

    def layer(self, n_passes=None):
        """Return the layer, to be trained; with another number of passes unless that is None."""
        entry = clone(self.entry)
        if n_passes is not None:
            entry.set_params(trainer__n_passes=n_passes)
        return as_layer(entry)


def by_layer(param_distributions, names):
    """Return the part of a search space that belongs to each layer.

    Parameters
    ----------
    param_distributions : dict or list of dict
        From parameters of the DBN to lists of values or distributions.
    names : list of str
        Of the layers.

    Returns
    -------
    dict of str to list of dict
        Of a list of dicts, what each says of the layer; those that say nothing are left out if
        another says something.

    Raises
    ------
    ValueError
        If a parameter belongs to no layer.
    """
    spaces = param_distributions
    parts = {name: {} for name in names}
    for space in spaces if isinstance(spaces, (list, tuple)) else [spaces]:
        if not isinstance(space, dict):
            raise TypeError(
                "The 'param_distributions' parameter of LayerwiseSearch must be a dict or a list "
                f"of dicts, and has {space!r}. Write it as {{'{names[0]}__n_components': [4, 8]}}."
            )
        found = {name: {} for name in names}
        for key, values in space.items():
            name = str(key).partition("__")[0]
            if name not in found:
                raise ValueError(
                    "LayerwiseSearch chooses parameters of one layer after the other, and "
                    f"{key!r} belongs to none: the layers are named {', '.join(names)}. Begin it "
                    f"with such a name, as in '{names[0]}__n_components', or set it on the DBN."
                )
            found[name][key] = values
        for name, part in found.items():
            parts[name][_told(part)] = part
    return {
        name: [part for part in found.values() if part] or [{}] for name, found in parts.items()
    }


def numbers_of_candidates(n_iter, names):
    """Return how many candidates each layer has.

    Parameters
    ----------
    n_iter : int or dict of str to int
    names : list of str
        Of the layers.

    Returns
    -------
    dict of str to int

    Raises
    ------
    ValueError
        If a number is of no layer, or none of candidates.
    """
    if not isinstance(n_iter, dict):
        return dict.fromkeys(names, n_iter)
    for name, number in n_iter.items():
        if name not in names:
            raise ValueError(
                f"The 'n_iter' parameter of LayerwiseSearch has candidates of {name!r}, and the "
                f"layers are named {', '.join(names)}. Use these names."
            )
        check_scalar(number, f"n_iter[{name!r}]", Integral, min_val=1)
    return {name: n_iter.get(name, N_ITER) for name in names}


def _told(part):
    """Return what tells a part of a space from others: two dicts may say the same of a layer."""
    return tuple(
        (key, id(values) if hasattr(values, "rvs") else described(values))
        for key, values in part.items()
    )


def candidates(dbn, depth, space, strategy, n_iter, seed):
    """Return what is tried for one layer.

    Parameters
    ----------
    dbn : DBN
        Unfitted; its own parameters hold where the space says nothing.
    depth : int
        Of the layer, from 0.
    space : list of dict
        Of ``by_layer``.
    strategy : {"random", "grid", "halving"}
        "grid" lists the space; the others draw ``n_iter`` of it, or list it if it has fewer.
    n_iter : int
    seed : int

    Returns
    -------
    list of Candidate

    Raises
    ------
    ValueError
        If the DBN has no such parameter.
    """
    # Here and not above: importing it imports what is optional.
    from sklearn.model_selection import ParameterGrid, ParameterSampler

    distributed = any(hasattr(values, "rvs") for part in space for values in part.values())
    if strategy == "grid" or not (distributed or len(ParameterGrid(space)) > n_iter):
        drawn = ParameterGrid(space)
    else:
        drawn = ParameterSampler(space, n_iter, random_state=seed)
    found = []
    for index, params in enumerate(drawn):
        whole = clone(dbn).set_params(**clone(params, safe=False))
        whole._check_layers()
        found.append(Candidate(index, params, whole._named_layers[depth][1]))
    return found


def described(value):
    """Return a text that is the same for equal values in every process.

    Parameters
    ----------
    value : object
        An estimator, a parameter of one, or a list, tuple or dict of such. Functions are told by
        their names, and arrays by a digest.

    Returns
    -------
    str
    """
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {described(value[key])}' for key in value)}}}"
    if isinstance(value, (list, tuple)):
        opened, closed = "[]" if isinstance(value, list) else "()"
        return f"{opened}{', '.join(described(each) for each in value)}{closed}"
    if isinstance(value, np.generic):
        return repr(value.item())
    if isinstance(value, np.ndarray):
        return f"array({value.shape}, {value.dtype}, {fingerprint(value)})"
    if isinstance(value, np.random.RandomState):
        return f"RandomState{described(value.get_state())}"
    if isinstance(value, functools.partial):
        return f"partial{described((value.func, value.args, value.keywords))}"
    if inspect.isroutine(value) or isinstance(value, type):
        return f"{getattr(value, '__module__', None)}.{value.__qualname__}"
    if isinstance(value, BaseEstimator):
        params = value.get_params(deep=False)
        inside = ", ".join(f"{name}={described(params[name])}" for name in params)
        return f"{type(value).__qualname__}({inside})"
    text = repr(value)
    if " at 0x" in text:  # Python's own, which names an address
        return f"{type(value).__qualname__}({described(dict(getattr(value, '__dict__', {})))})"
    return text
