"""The calls of this process: own, watched, replayed."""
