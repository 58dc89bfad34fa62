"""Data small enough to hold in mind, handwritten digits, and how rows are split."""

from layerwise.datasets.cmnist import fetch_cmnist
from layerwise.datasets.mnist import fetch_binarized_mnist, fetch_mnist
from layerwise.datasets.tea import load_tea

__all__ = ["fetch_binarized_mnist", "fetch_cmnist", "fetch_mnist", "load_tea"]
