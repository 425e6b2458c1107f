"""What people see: progress, tables, intervals."""
