"""From the folders of runs to what a report says of them: read, grouped, compared, put in words."""
