"""What asv times: one file for each group of kernels, through the doors' callers."""
