"""tl-run from Python: one run, a sweep, and a data frame of finished runs."""
