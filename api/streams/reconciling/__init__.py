"""The part of the data streams surface that agrees records: reconciliations, their runs, matches and stories."""
