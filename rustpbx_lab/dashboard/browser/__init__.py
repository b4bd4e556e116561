"""The browser side: patches, keyboard, painting, styles."""
