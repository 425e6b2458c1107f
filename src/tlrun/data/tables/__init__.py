"""From a table's cells to inputs and labels."""
