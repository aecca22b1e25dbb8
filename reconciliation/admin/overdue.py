"""The overdue policy on the page of a reconciliation: what it says, how far a recompute is, and the acts that change it."""

from __future__ import annotations

from copy import copy
from datetime import date, datetime
from functools import partial

from django import forms
from django.db.models import QuerySet
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldBooleanWidget,
)

from ledgers.backoffice import chip
from organizations.backoffice.acts import Act, Preview
from organizations.models import Calendar
from reconciliation.admin.words import plainly
from reconciliation.models import OverdueRecompute
from reconciliation.selectors.overdue_preview import overdue_preview
from reconciliation.services.policies import SCOPE, earliest_day, policy_change, policy_recompute
from reconciliation.states import OperationStatus
from rules.models import Reconciliation
from rules.overdue import AFTER_DAYS_MAX
from rules.selectors import policy_of
from rules.states import CountsFrom

REFRESH_SECONDS = 5


class PolicyForm(forms.Form):
    """The fields of `policy_change`."""

    after_days = forms.IntegerField(
        label=gettext_lazy("Overdue after"),
        min_value=0,
        max_value=AFTER_DAYS_MAX,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=gettext_lazy("Days. Empty: nothing is overdue by itself."),
    )
    business_days = forms.BooleanField(
        label=gettext_lazy("Count business days only"), required=False, widget=UnfoldBooleanWidget
    )
    counts_from = forms.ChoiceField(
        label=gettext_lazy("Counting from"),
        choices=CountsFrom.choices,
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("A record without a value date counts from its booking date."),
    )
    overdue_from = forms.DateField(
        label=gettext_lazy("At the earliest from"),
        required=False,
        widget=UnfoldAdminDateWidget,
        help_text=gettext_lazy(
            "Older records count from this day, so that imported history is not overdue at once. Empty: the day on which"
            " the reconciliation was made."
        ),
    )
    field_order = ("after_days", "business_days", "calendar", "counts_from", "overdue_from")


def policy_form(calendars: QuerySet[Calendar]) -> type[forms.Form]:
    """With the organization's calendars."""
    calendar = forms.ModelChoiceField(
        calendars,
        label=_("Business days of"),
        required=False,
        empty_label=_("Monday to Friday"),
        widget=UnfoldAdminSelectWidget,
    )
    return type("PolicyForm", (PolicyForm,), {"calendar": calendar})


def policy_acts(obj: Reconciliation) -> list[Act]:
    """Change the policy; and stamp everything anew by the same one, where its calendar was changed."""
    calendars = Calendar.objects.filter(organization_id=obj.organization_id).order_by("name", "pk")
    idle = _("Nothing is overdue by itself here.") if obj.overdue_after_days is None else ""
    return [
        Act(
            "overdue",
            _("Say when items are overdue"),
            partial(plainly(policy_change, obj), reconciliation=obj),
            SCOPE,
            form=policy_form(calendars),
            initial={
                "after_days": obj.overdue_after_days,
                "business_days": obj.overdue_business_days,
                "calendar": obj.overdue_calendar_id,
                "counts_from": obj.overdue_counts_from,
                "overdue_from": obj.overdue_from,
            },
            explain=_(
                "An open item is overdue when this many days have passed, at the beginning of the day. New items follow at"
                " once, those that are here in a moment; what somebody marked by hand stays as it is."
            ),
            success=_("It is saved."),
            preview=partial(policy_preview, obj),
        ),
        Act(
            "recount",
            _("Count overdue days anew"),
            partial(plainly(policy_recompute, obj), reconciliation=obj),
            SCOPE,
            against=idle,
            explain=_(
                "Changed holidays of the calendar and another time zone are followed by themselves, within a minute. This does it"
                " at once."
            ),
            success=_("It is asked for."),
        ),
    ]


def policy_preview(
    obj: Reconciliation,
    *,
    after_days: int | None,
    business_days: bool,
    calendar: Calendar | None,
    counts_from: str,
    overdue_from: date | None,
    at: datetime,
) -> Preview:
    """What these fields would make of the items that are open now."""
    asked = copy(obj)
    asked.overdue_after_days, asked.overdue_business_days = after_days, business_days
    asked.overdue_calendar, asked.overdue_counts_from = calendar, counts_from
    asked.overdue_from = overdue_from or earliest_day(obj)
    told = overdue_preview(obj, policy_of(asked) if after_days is not None else None, at=at)
    return Preview("reconciliation/overdue_preview.html", {"found": told, "words": policy_words(asked)})


def recompute_of(obj: Reconciliation) -> OverdueRecompute | None:
    """One that is not done: under way, or failed and tried again."""
    return obj.recomputes.exclude(status=OperationStatus.COMPLETED).first()


def policy_shown(obj: Reconciliation) -> str:
    """The policy in a sentence, and how far the recompute is."""
    left = recompute_of(obj)
    if left is None:
        return policy_words(obj)
    if left.status == OperationStatus.FAILED:
        state = chip(_("failed, and tried again: %(error)s") % {"error": left.error}, "danger")
    else:
        state = chip(_("open items follow: %(progress)s%%") % {"progress": left.progress}, "primary")
    return format_html("{} {}", policy_words(obj), state)


def policy_words(obj: Reconciliation) -> str:
    days = obj.overdue_after_days
    if days is None:
        return _("Never by themselves")
    if obj.overdue_business_days:
        counted = ngettext("%(n)s business day", "%(n)s business days", days) % {"n": days}
        counted += f" ({obj.overdue_calendar or _('Monday to Friday')})"
    else:
        counted = ngettext("%(n)s day", "%(n)s days", days) % {"n": days}
    about = {"days": counted, "from": obj.overdue_from}
    if obj.overdue_counts_from == CountsFrom.VALUE_DATE:
        return _("%(days)s after the value date, at the earliest after %(from)s") % about
    return _("%(days)s after the booking date, at the earliest after %(from)s") % about
