"""Turns: what the caller said and how long the reply took."""
