"""Sources of problems, one a file, and what they share: splits and batches."""
