"""Everything that tl-run writes to disk."""
