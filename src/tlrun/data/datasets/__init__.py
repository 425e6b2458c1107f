"""Data sets, one a file: the name in `dataset=…` is the file."""
