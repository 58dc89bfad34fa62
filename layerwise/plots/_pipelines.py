"""Pipelines, of which pictures show the last step."""

__all__ = ["final"]


def final(estimator):
    """Return what a pipeline ends in; other estimators as they are."""
    while hasattr(estimator, "steps"):
        estimator = estimator.steps[-1][1]
    return estimator
