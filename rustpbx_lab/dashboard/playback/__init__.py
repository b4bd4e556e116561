"""Listening to a call and replaying it."""
