"""A report as text: on a terminal, and in the files that people put into other things."""
