"""The rows of organizations: people, keys, calendars, the audit trail, and what acts leave behind for retries."""

from organizations.models.acts import Heartbeat, IdempotencyKey
from organizations.models.audit import AuditEvent, AuditSeal, AuditUnsealed
from organizations.models.calendars import Calendar
from organizations.models.keys import ApiKey
from organizations.models.people import Membership, Organization, User

__all__ = [
    "ApiKey",
    "AuditEvent",
    "AuditSeal",
    "AuditUnsealed",
    "Calendar",
    "Heartbeat",
    "IdempotencyKey",
    "Membership",
    "Organization",
    "User",
]
