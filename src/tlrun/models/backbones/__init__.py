"""Feature extractors φ: one family a file, each a specification whose build() gives the module."""
