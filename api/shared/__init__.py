"""What every surface shares: authentication, permissions, errors, pagination, idempotency, fields, schema, health."""
