"""The exceptions surface: what is overdue of one stream in one reconciliation, for people to work on."""
