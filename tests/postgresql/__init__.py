"""Django's PostgreSQL backend with a faster way to empty the tables between tests."""
