"""The named writes of organizations: tenants, members, keys, calendars. Each writes its audit event."""
