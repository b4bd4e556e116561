"""Audio of a call: legs, sending, WebRTC."""
