"""Views of the exceptions surface, one module per thing."""
