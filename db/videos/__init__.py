"""Videos: read, search, edit, trash, finish."""
