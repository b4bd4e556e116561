"""Speech engines behind one interface each, and the server's own VAD."""
