"""Advice about options and commands: what the server really does with them."""
