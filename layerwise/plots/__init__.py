"""Pictures, as scikit-learn's Display objects. Matplotlib is imported when one is drawn."""

from layerwise.plots.comparison import ComparisonDisplay
from layerwise.plots.filters import FiltersDisplay
from layerwise.plots.latent_marginal import LatentMarginalDisplay
from layerwise.plots.reversible import RandomLikenessDisplay, ReversibilityDisplay
from layerwise.plots.samples import SamplesDisplay
from layerwise.plots.training import TrainingDisplay

__all__ = [
    "ComparisonDisplay",
    "FiltersDisplay",
    "LatentMarginalDisplay",
    "RandomLikenessDisplay",
    "ReversibilityDisplay",
    "SamplesDisplay",
    "TrainingDisplay",
]
