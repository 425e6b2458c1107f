"""Many runs at once: what they share is run once, and one that fails stops no other."""
