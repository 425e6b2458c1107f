"""The statistics of transfer: gains, intervals, verdicts. Pure functions; they read no file."""
