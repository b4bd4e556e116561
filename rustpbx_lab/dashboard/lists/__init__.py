"""The lists: events, transcript, inspector."""
