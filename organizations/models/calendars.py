"""Calendars: which days are business days. Read by overdue and case policies."""

from __future__ import annotations

from datetime import date, timedelta

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.utils.translation import gettext_lazy

from organizations.models.people import Organization


def saturday_and_sunday() -> list[int]:
    return [6, 7]


class Calendar(models.Model):
    """The weekend and the holidays of one place, as one organization counts them."""

    organization = models.ForeignKey(Organization, models.PROTECT, verbose_name=gettext_lazy("organization"))
    name = models.CharField(gettext_lazy("name"), max_length=120)
    country = models.CharField(
        gettext_lazy("country"), max_length=2, blank=True, help_text=gettext_lazy("Two letters, like DE.")
    )
    weekend = ArrayField(
        models.SmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(7)]),
        default=saturday_and_sunday,
        blank=True,
        verbose_name=gettext_lazy("weekend"),
        help_text=gettext_lazy("Days of the week that are no business days: 1 is Monday, 7 is Sunday."),
    )
    holidays = ArrayField(
        models.DateField(),
        default=list,
        blank=True,
        verbose_name=gettext_lazy("holidays"),
        help_text=gettext_lazy("Days like 2026-12-25, with commas between them."),
    )

    class Meta:
        verbose_name = gettext_lazy("calendar")
        verbose_name_plural = gettext_lazy("calendars")
        ordering = ["name", "id"]
        constraints = [
            UniqueConstraint(fields=["organization", "name"], name="calendar_name_once"),
            CheckConstraint(
                condition=Q(weekend__contained_by=[1, 2, 3, 4, 5, 6, 7]) & Q(weekend__len__lt=7),
                name="calendar_has_a_business_day",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def is_business_day(self, day: date) -> bool:
        return day.isoweekday() not in self.weekend and day not in self.holidays

    def add_business_days(self, day: date, days: int) -> date:
        """The business day that is `days` business days after `day`; 0 gives `day` itself, whatever day it is."""
        weekend, holidays = frozenset(self.weekend), frozenset(self.holidays)
        while days > 0:
            day += timedelta(days=1)
            if day.isoweekday() not in weekend and day not in holidays:
                days -= 1
        return day
