"""Calendars: which days are business days. Read by overdue and case policies and by the proof of accounts."""

from __future__ import annotations

from datetime import date, timedelta

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.utils.translation import gettext_lazy

from organizations.holidays import public_holidays, public_holidays_of
from organizations.models.people import Organization


def saturday_and_sunday() -> list[int]:
    return [6, 7]


class Calendar(models.Model):
    """The weekend and the holidays of one place, as one organization counts them: the public holidays of the country, where
    one is named, and the days listed beside them."""

    organization = models.ForeignKey(Organization, models.PROTECT, verbose_name=gettext_lazy("organization"))
    name = models.CharField(gettext_lazy("name"), max_length=120)
    country = models.CharField(
        gettext_lazy("country"),
        max_length=2,
        blank=True,
        help_text=gettext_lazy("Two letters, like DE: its public holidays are no business days."),
    )
    subdivision = models.CharField(
        gettext_lazy("part of the country"),
        max_length=32,
        blank=True,
        default="",
        help_text=gettext_lazy("Like BY for Bavaria, where its holidays differ."),
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
        verbose_name=gettext_lazy("other holidays"),
        help_text=gettext_lazy("Days like 2026-12-24, with commas between them."),
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

    def is_holiday(self, day: date) -> bool:
        if day in self.holidays:
            return True
        return bool(self.country) and day in public_holidays(self.country, self.subdivision, day.year)

    def holidays_between(self, first: date, last: date) -> list[date]:
        """Both included, in order; also those that fall on a weekend."""
        public: frozenset[date] = frozenset()
        if self.country:
            years = range(first.year, last.year + 1)
            public = public_holidays_of(self.country, self.subdivision, years)
        return sorted(day for day in public | set(self.holidays) if first <= day <= last)

    def is_business_day(self, day: date) -> bool:
        return day.isoweekday() not in self.weekend and not self.is_holiday(day)

    def add_business_days(self, day: date, days: int) -> date:
        """The business day that is `days` business days after `day`; 0 gives `day` itself, whatever day it is."""
        while days > 0:
            day += timedelta(days=1)
            days -= self.is_business_day(day)
        return day
