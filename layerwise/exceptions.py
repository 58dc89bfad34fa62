"""The errors a user can meet, beside ``ValueError`` and ``TypeError``."""

__all__ = ["Diverged", "Incompatible", "TooManyStates"]


class Incompatible(ValueError):
    """Parts that do not fit: trainer and model, layer and layer, data and units."""


class TooManyStates(ValueError):
    """An exact sum over more states than the limit allows."""


class Diverged(ArithmeticError):
    """Training grew beyond all bounds: a parameter not finite or beyond 2**30, or a variance."""
