"""The curves of finished runs, as files that other tools read."""
