"""Iterators over passes: each improves a model and yields; none calls up."""
