"""Deep generative models trained one layer at a time, with exact log-likelihoods."""

from layerwise import datasets, plots
from layerwise._versions import __version__, show_versions
from layerwise.exceptions import Diverged, Incompatible, TooManyStates

__all__ = [
    "Diverged",
    "Incompatible",
    "TooManyStates",
    "__version__",
    "datasets",
    "plots",
    "show_versions",
]
