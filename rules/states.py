"""Statuses and closed word lists of the rules floor."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class ReconciliationKind(models.TextChoices):
    LEDGER = "ledger", _("Ledger")
    STREAMS = "streams", _("Streams")
    SETTLEMENT = "settlement", _("Settlement")


class SignMode(models.TextChoices):
    EFFECT = "effect", _("Effect: + is money in for the owner")
    MAGNITUDE = "magnitude", _("Magnitude of signed sums")


class RunType(models.TextChoices):
    CONTINUOUS = "continuous", _("Continuous")
    BATCH = "batch", _("Batch")


class CountsFrom(models.TextChoices):
    """Which day of a record an overdue policy counts from. A record without value date counts from its date."""

    DATE = "date", _("Booking date")
    VALUE_DATE = "value_date", _("Value date")


class Side(models.TextChoices):
    A = "a", _("Side A")
    B = "b", _("Side B")


class Cardinality(models.TextChoices):
    ONE_TO_ONE = "one_to_one", _("One to one")
    MANY_TO_ONE = "many_to_one", _("Many to one")
    ONE_TO_MANY = "one_to_many", _("One to many")


class RollupKind(models.TextChoices):
    DATE = "date", _("By days")
    IDENTIFIER = "identifier", _("By an identifier")


class OnAmbiguity(models.TextChoices):
    BEST = "best", _("Take the best")
    ABSTAIN = "abstain", _("Leave tied pairs open")
    SOLE = "sole", _("Only pairs without a rival")


class OnDifference(models.TextChoices):
    REFUSE = "refuse", _("Refuse")
    SUGGEST_PARTIAL = "suggest_partial", _("Suggest a partial match")
    ALLOW = "allow", _("Allow")


class RuleSource(models.TextChoices):
    USER = "user", _("User")
    AI = "ai", _("Proposed")
    DEFAULT = "default", _("Built in")


class RuleStatus(models.TextChoices):
    ACTIVE = "active", _("Active")
    PROPOSED = "proposed", _("Proposed")
    DISCARDED = "discarded", _("Discarded")


RULE_MOVES = {
    RuleStatus.PROPOSED: frozenset({RuleStatus.ACTIVE, RuleStatus.DISCARDED}),
    RuleStatus.ACTIVE: frozenset({RuleStatus.DISCARDED}),
    RuleStatus.DISCARDED: frozenset[str](),
}


class Rating(models.TextChoices):
    HIGH = "high", _("High")
    MEDIUM = "medium", _("Medium")
    LOW = "low", _("Low")
