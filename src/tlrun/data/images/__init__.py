"""Image files and sets."""
