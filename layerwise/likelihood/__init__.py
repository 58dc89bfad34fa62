"""Numbers about models, each with its error."""
