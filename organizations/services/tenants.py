"""Organizations and their calendars: made and changed. Called by admin, `create_organization` and the demo."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.text import slugify
from django.utils.translation import gettext as _

from organizations import audit
from organizations.actors import Actor
from organizations.holidays import countries, usual_weekend
from organizations.models import Calendar, Organization
from organizations.models.calendars import saturday_and_sunday
from organizations.models.people import validate_time_zone
from organizations.refusals import Conflict, Invalid


def organization_create(
    *, name: str, slug: str = "", time_zone: str = "UTC", by: Actor | str, at: datetime
) -> Organization:
    """A new tenant without members. `slug` defaults to the name in lower case with dashes."""
    name = name.strip()
    slug = slug or slugify(name)[:64]
    if not name or not slug:
        raise Invalid(
            _("Give the organization a name with at least one letter or digit."), code="organization.name"
        )
    _check_time_zone(time_zone)
    if Organization.objects.filter(slug=slug).exists():
        message = _("There is an organization with the short name %(slug)s already. Choose another name.")
        raise Conflict(message % {"slug": slug}, code="organization.exists", details={"slug": slug})
    organization = Organization.objects.create(name=name, slug=slug, time_zone=time_zone, created_at=at)
    audit.record(
        action="organization.created",
        organization_id=organization.pk,
        by=by,
        at=at,
        subject=organization,
        name=name,
        time_zone=time_zone,
    )
    return organization


def organization_change(
    *, organization: Organization, name: str, time_zone: str, by: Actor, at: datetime
) -> Organization:
    """Another name or time zone. A day that has begun keeps the border that rows were dated with."""
    by.require("organization:manage")
    _check_time_zone(time_zone)
    if not name.strip():
        raise Invalid(_("An organization needs a name."), code="organization.name")
    before = {"name": organization.name, "time_zone": organization.time_zone}
    organization.name, organization.time_zone = name.strip(), time_zone
    organization.save(update_fields=["name", "time_zone"])
    after = {"name": organization.name, "time_zone": organization.time_zone}
    audit.record(
        action="organization.changed",
        organization_id=organization.pk,
        by=by,
        at=at,
        subject=organization,
        before=before,
        after=after,
    )
    return organization


def calendar_save(
    *,
    organization_id: int,
    name: str,
    country: str = "",
    subdivision: str = "",
    weekend: list[int] | None = None,
    holidays: list[date] | None = None,
    calendar: Calendar | None = None,
    by: Actor,
    at: datetime,
) -> Calendar:
    """Make a calendar, or change the given one. Weekend days are ISO numbers: 1 is Monday, 7 is Sunday; by default those
    of the country, or Saturday and Sunday. `holidays` are days beside the public holidays of the country.

    Invalid "calendar.name", "calendar.country", "calendar.subdivision", "calendar.weekend"; Conflict "calendar.exists".
    """
    by.require("policies:write")
    action = "calendar.created" if calendar is None else "calendar.changed"
    calendar = calendar or Calendar(organization_id=organization_id)
    calendar.name = name.strip()
    calendar.country, calendar.subdivision = _check_country(country.strip().upper(), subdivision.strip())
    if weekend is None:
        weekend = usual_weekend(calendar.country) if calendar.country else saturday_and_sunday()
    calendar.weekend = sorted(set(weekend))
    calendar.holidays = sorted(set(holidays or []))
    _check_calendar(calendar)
    calendar.save()
    audit.record(
        action=action,
        organization_id=organization_id,
        by=by,
        at=at,
        subject=calendar,
        **_calendar_facts(calendar),
    )
    return calendar


def _calendar_facts(calendar: Calendar) -> dict[str, Any]:
    return {
        "name": calendar.name,
        "country": calendar.country,
        "subdivision": calendar.subdivision,
        "weekend": calendar.weekend,
        "holidays": calendar.holidays,
    }


def _check_country(country: str, subdivision: str) -> tuple[str, str]:
    """As the public holidays know them: refused where they know none, so that no day is taken for a business day unseen."""
    if not country:
        if subdivision:
            message = _("A part of a country needs its country.")
            raise Invalid(
                message, code="calendar.country", issues=[{"path": ["country"], "message": message}]
            )
        return "", ""
    known = countries()
    if country not in known:
        message = _("No public holidays are known of %(country)s. Leave it empty and list the days.")
        message %= {"country": country}
        raise Invalid(message, code="calendar.country", issues=[{"path": ["country"], "message": message}])
    parts = {part.casefold(): part for part in known[country]}
    if subdivision and subdivision.casefold() not in parts:
        message = _("%(country)s has no part %(part)s. Known: %(parts)s.")
        message %= {"country": country, "part": subdivision, "parts": ", ".join(known[country]) or "–"}
        raise Invalid(
            message, code="calendar.subdivision", issues=[{"path": ["subdivision"], "message": message}]
        )
    return country, parts[subdivision.casefold()] if subdivision else ""


def _check_calendar(calendar: Calendar) -> None:
    if not calendar.name:
        raise Invalid(_("Give the calendar a name."), code="calendar.name")
    if not set(calendar.weekend) < set(range(1, 8)):
        raise Invalid(
            _(
                "Weekend days are numbers from 1 (Monday) to 7 (Sunday), and at least one day must be left for business."
            ),
            code="calendar.weekend",
        )
    others = Calendar.objects.filter(organization_id=calendar.organization_id, name=calendar.name)
    if others.exclude(pk=calendar.pk).exists():
        message = _("There is a calendar called %(name)s already.") % {"name": calendar.name}
        raise Conflict(message, code="calendar.exists")


def _check_time_zone(name: str) -> None:
    try:
        validate_time_zone(name)
    except ValidationError as error:
        raise Invalid(error.messages[0], code="organization.time_zone") from error
