"""Which model: scorers for searches."""

from layerwise.model_selection import scorers

__all__ = ["scorers"]
