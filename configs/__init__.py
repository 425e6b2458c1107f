"""The configs, installed with the package as `tlrun.configs`."""
