"""Sound: clips, codecs, sources of a caller's audio, recordings of a call."""
