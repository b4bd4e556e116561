"""One call of the stand-in: its kinds, its legs, its faults."""
