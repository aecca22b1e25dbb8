"""The rules surface: reconciliation rules as trees of conditions, and what helps to write them. Routes stand in `urls`,
bodies and shapes beside it; a view translates and calls one service."""
