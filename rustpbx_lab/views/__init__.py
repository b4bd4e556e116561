"""Views of a call without Panel: tables, rows, words."""
