"""HTTP and WebSocket of the stand-in."""
