"""The command bar and the forms made from models."""
