"""From names and values in YAML or on a command line to typed, checked objects. Knows Hydra."""
