"""Image sets: their files, how those are read, and how they are downloaded."""
