"""What to use of a study: the safe stack of its arms; and which source to take for a target."""
