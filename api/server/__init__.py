"""The HTTP and WebSocket server: uvicorn's protocols with limits on what one connection can cost."""
