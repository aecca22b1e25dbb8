"""The data streams surface."""
