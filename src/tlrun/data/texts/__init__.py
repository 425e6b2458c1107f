"""Reads texts: from files to ids of tokens."""
