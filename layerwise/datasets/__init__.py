"""Data small enough to hold in mind, and the reading of a user's own."""

from layerwise.datasets.tea import load_tea

__all__ = ["load_tea"]
