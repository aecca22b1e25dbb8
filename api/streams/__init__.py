"""The data streams surface: so far the proof of a bank account."""
