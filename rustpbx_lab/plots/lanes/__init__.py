"""The lanes of a timeline: one file each."""
