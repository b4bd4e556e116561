"""What is shown of a call, without Panel: tables, rows, words."""
