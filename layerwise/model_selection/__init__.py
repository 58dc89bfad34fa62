"""Which model: scorers, search spaces, and the comparison of families of models."""

from layerwise.model_selection import scorers

__all__ = ["scorers"]
