"""The lab bench for voice agents on the Active Call server."""
