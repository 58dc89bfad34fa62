"""The only callers of doors: they allocate, pick threads, and check status."""
