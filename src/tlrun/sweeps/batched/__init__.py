"""Runs of a sweep that train linear heads on features, trained together."""
