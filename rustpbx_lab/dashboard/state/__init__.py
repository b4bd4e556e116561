"""State of a page; no widgets."""
