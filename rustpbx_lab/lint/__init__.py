"""Lint of options and commands: what the server does with them."""
