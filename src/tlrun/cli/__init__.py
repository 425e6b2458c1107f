"""What is typed: the subcommands, and the way through Hydra."""
