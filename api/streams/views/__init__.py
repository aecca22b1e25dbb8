"""Views of the data streams surface."""
