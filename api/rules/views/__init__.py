"""The views of the rules surface."""
