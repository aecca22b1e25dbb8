"""What people change about themselves. Called by their settings page."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from organizations import audit
from organizations.actors import Actor
from organizations.models import User
from organizations.models.people import validate_time_zone
from organizations.refusals import Invalid


def settings_change(
    *, user: User, name: str, time_zone: str = "", locale: str = "", by: Actor, at: datetime
) -> User:
    """How a person is called, and in which zone and language they see pages. Empty: as the organization has it."""
    if by.kind != "user" or by.user_id != user.pk:
        raise Invalid(_("People change only their own settings."), code="user.not_you")
    if time_zone:
        try:
            validate_time_zone(time_zone)
        except ValidationError as error:
            path = {"path": ["time_zone"], "message": error.messages[0]}
            raise Invalid(error.messages[0], code="user.time_zone", issues=[path]) from error
    if locale and locale not in dict(settings.LANGUAGES):
        raise Invalid(_("There is no such language here."), code="user.locale")
    # The name is no part of the event: names stay outside the chain, so that they can be made anonymous.
    user.first_name, user.last_name, user.time_zone, user.locale = name.strip()[:150], "", time_zone, locale
    user.save(update_fields=["first_name", "last_name", "time_zone", "locale"])
    audit.record(
        action="user.settings_changed",
        organization_id=by.organization_id,
        by=by,
        at=at,
        subject=user,
        time_zone=time_zone,
        locale=locale,
    )
    return user


def first_password_set(*, user: User, password: str, by: Actor, at: datetime) -> User:
    """Give a member a new first password. Only for people of this one organization: else it would open another one."""
    by.require("members:manage")
    if user.memberships.exclude(organization_id=by.organization_id).exists():
        message = _("This person belongs to other organizations too, so only they can change their password.")
        raise Invalid(message, code="user.shared")
    if not user.memberships.active().filter(organization_id=by.organization_id).exists():
        raise Invalid(_("This person is not a member."), code="user.not_member")
    user.set_password(password)
    user.save(update_fields=["password"])
    audit.record(action="user.password_reset", organization_id=by.organization_id, by=by, at=at, subject=user)
    return user
