"""The gateway: HTTP and WebSocket in, rows out. Knows neither ray nor torch."""
