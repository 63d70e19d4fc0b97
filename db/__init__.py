"""What persists: rows and objects. Imports nothing of ours."""
