"""Who: tenants, members and roles, API keys, calendars, the audit trail, refusals, and the one boundary of acts."""
