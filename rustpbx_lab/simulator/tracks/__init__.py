"""Playback and recording of the stand-in."""
