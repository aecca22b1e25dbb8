"""The demo's overdue records: planted, swept into exceptions, investigated, and told. Played by the command `demo`."""
