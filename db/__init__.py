"""Persistence: rows in PostgreSQL, objects in a store. Imports no other package of this project."""
