"""Ways of sharing what is learnt: one method a file, its equation in objective()."""
