"""The paper's comparison: families of models, side by side in exact log-likelihoods."""
