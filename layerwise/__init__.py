"""Deep generative models trained one layer at a time, with exact log-likelihoods."""
