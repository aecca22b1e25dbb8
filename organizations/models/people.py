"""Users, organizations (tenants), and memberships that join them with a role."""

from __future__ import annotations

import uuid
import zoneinfo

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Lower, Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from organizations.ids import uuid7
from organizations.states import Role


def new_external_id() -> str:
    return f"user_{uuid.uuid4()}"


def validate_time_zone(name: str) -> None:
    """Refuse what is no IANA time zone name ("Europe/Berlin"): a day would have no borders."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(
            _("%(name)s is no time zone. Write it like Europe/Berlin, or UTC.") % {"name": repr(name)}
        )


class User(AbstractUser):
    """A person. What they may do comes from memberships alone: Django's groups and permissions are not read."""

    external_id = models.CharField(
        gettext_lazy("external id"),
        max_length=255,
        unique=True,
        default=new_external_id,
        help_text=gettext_lazy(
            "The subject at the identity provider; else user_ and a uuid. Shown by the API."
        ),
    )
    time_zone = models.CharField(
        gettext_lazy("time zone"),
        max_length=64,
        blank=True,
        validators=[validate_time_zone],
        help_text=gettext_lazy("Empty: the organization's."),
    )
    locale = models.CharField(gettext_lazy("language"), max_length=16, blank=True)

    class Meta:
        verbose_name = gettext_lazy("user")
        verbose_name_plural = gettext_lazy("users")
        constraints = [
            UniqueConstraint(Lower("email"), condition=~Q(email=""), name="user_email_unique"),
        ]

    @property
    def shown_name(self) -> str:
        """How others see this person in lists and answers."""
        return self.get_full_name() or self.get_username()


class Organization(models.Model):
    """A tenant. Every row of the product belongs to exactly one. Test and live are two of them."""

    uuid = models.UUIDField(unique=True, default=uuid7, editable=False)
    name = models.CharField(gettext_lazy("name"), max_length=200)
    slug = models.SlugField(gettext_lazy("short name"), max_length=64, unique=True)
    time_zone = models.CharField(
        gettext_lazy("time zone"),
        max_length=64,
        default="UTC",
        validators=[validate_time_zone],
        help_text=gettext_lazy("Where a business day begins and ends, like Europe/Berlin."),
    )
    created_at = models.DateTimeField(gettext_lazy("created at"), db_default=Now())

    class Meta:
        verbose_name = gettext_lazy("organization")
        verbose_name_plural = gettext_lazy("organizations")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)


class MembershipQuerySet(models.QuerySet["Membership"]):
    def active(self) -> MembershipQuerySet:
        return self.filter(ended_at=None)

    def of_user(self, user_id: int) -> MembershipQuerySet:
        return (
            self.active()
            .filter(user_id=user_id)
            .select_related("organization")
            .order_by("organization__name", "pk")
        )


class Membership(models.Model):
    """One user in one organization, with one role. It ends and may begin again; its row stays."""

    user = models.ForeignKey(
        User, models.PROTECT, related_name="memberships", verbose_name=gettext_lazy("user")
    )
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="memberships", verbose_name=gettext_lazy("organization")
    )
    role = models.CharField(gettext_lazy("role"), max_length=16, choices=Role.choices)
    created_at = models.DateTimeField(gettext_lazy("since"), db_default=Now())
    ended_at = models.DateTimeField(gettext_lazy("ended at"), null=True, blank=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("member")
        verbose_name_plural = gettext_lazy("members")
        constraints = [
            UniqueConstraint(fields=["user", "organization"], name="membership_one_per_user"),
            CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        # Never a query: the name where the user is loaded already.
        known = "user" in self._state.fields_cache
        return self.user.shown_name if known else f"{self.role} {self.user_id}"

    @property
    def is_active(self) -> bool:
        return self.ended_at is None
