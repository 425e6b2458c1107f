"""One run: planned, identified, trained stage by stage, evaluated once."""
