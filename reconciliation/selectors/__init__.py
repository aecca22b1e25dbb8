"""Questions about runs, items, matches, entries, discrepancies and proof. No module here writes."""
