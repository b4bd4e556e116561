"""What a call of the stand-in plays and records."""
