"""Linear heads of many runs, trained as one product."""
