"""New rows answered by what was trained: read as they were in training, from the folder alone."""
