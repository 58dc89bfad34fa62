"""scikit-learn's face: the only floor that knows its base classes for estimators."""
