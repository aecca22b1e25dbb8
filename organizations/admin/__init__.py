"""The back office's pages of organizations."""

from organizations.admin import api_keys, audit_trail, calendars, members, organization

__all__ = ["api_keys", "audit_trail", "calendars", "members", "organization"]
