"""The pages, and what surrounds them."""
