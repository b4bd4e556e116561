"""What a page knows of a call; no widgets."""
