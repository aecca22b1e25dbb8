"""One module per thing that is served."""
