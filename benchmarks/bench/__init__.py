"""Is tl-run's loop faster than what people use instead? `make bench` measures it.

`rows` says what is compared with what; `ours`, `hand` and `peers` are the loops; `rounds` is how
time is taken, `workers` and `commands` where; `records` what is kept and `render` what is shown.
"""
