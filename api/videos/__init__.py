"""The videos of a user: list, search, edit, trash, finish."""
