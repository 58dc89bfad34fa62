"""Which model: scorers for searches, and the search over layers."""

from layerwise.model_selection import scorers
from layerwise.model_selection.search import LayerwiseSearch

__all__ = ["LayerwiseSearch", "scorers"]
