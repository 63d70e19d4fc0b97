"""The gateway: HTTP and WebSocket in, rows out. Imports neither ray nor torch."""
