"""What people fill in on an exception: its words, whose work it is, a comment, and which of its records they mean."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminSelectMultipleWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from exceptions_app.models.exceptions import TITLE_MAX
from exceptions_app.services.comments import BODY_MAX
from exceptions_app.services.exceptions import DESCRIPTION_MAX
from organizations.models import Membership, User


def members_of(organization_id: int, *, kept: QuerySet[User] | None = None) -> QuerySet[User]:
    """Whom an exception can be given to, by name; `kept`: who has it already, a former member too."""
    active = Membership.objects.active().filter(organization_id=organization_id, user__is_active=True)
    people = User.objects.filter(pk__in=active.values("user_id"))
    if kept is not None:
        people = User.objects.filter(pk__in=people.values("pk").union(kept.values("pk")))
    return people.order_by("first_name", "username", "pk")


class PeopleField(forms.ModelMultipleChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return str(obj.shown_name)


def people_field(people: QuerySet[User], label: str, *, required: bool = False, help_text: str = "") -> Any:
    return PeopleField(
        people, label=label, required=required, help_text=help_text, widget=UnfoldAdminSelectMultipleWidget
    )


class WordsForm(forms.Form):
    title = forms.CharField(
        label=gettext_lazy("Title"), max_length=TITLE_MAX, widget=UnfoldAdminTextInputWidget
    )
    description = forms.CharField(
        label=gettext_lazy("Description"),
        required=False,
        max_length=DESCRIPTION_MAX,
        widget=UnfoldAdminTextareaWidget,
    )


def owners_form(people: QuerySet[User]) -> type[forms.Form]:
    return type("OwnersForm", (forms.Form,), {"owners": people_field(people, _("Owners"))})


def comment_form(people: QuerySet[User]) -> type[forms.Form]:
    fields = {
        "body": forms.CharField(
            label=_("Comment"), max_length=BODY_MAX, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
        ),
        "mentions": people_field(
            people, _("Mention"), help_text=_("Whom it is for. Hold Ctrl (⌘ on a Mac) to choose several.")
        ),
    }
    return type("CommentForm", (forms.Form,), fields)


def ticked_form(ids: str, **more: forms.Field) -> type[forms.Form]:
    """Of an act on ticked exceptions: their numbers go with it, hidden."""
    field = forms.CharField(widget=forms.HiddenInput, initial=ids)
    return type("TickedForm", (forms.Form,), {"exceptions": field, **more})


def assign_fields(people: QuerySet[User]) -> dict[str, forms.Field]:
    return {
        "owners": people_field(people, _("Assign to"), required=True),
        "replace": forms.BooleanField(
            label=_("In place of those who have them now"), required=False, widget=UnfoldBooleanWidget
        ),
    }


class AdjustmentForm(forms.Form):
    """Where a suggested match does not add up."""

    create_adjustment = forms.BooleanField(
        label=gettext_lazy("Make up the difference"),
        required=False,
        widget=UnfoldBooleanWidget,
        help_text=gettext_lazy(
            "An adjustment record brings both sides together. It stands in this match only, and goes with it."
        ),
    )


__all__ = [
    "AdjustmentForm",
    "WordsForm",
    "assign_fields",
    "comment_form",
    "members_of",
    "owners_form",
    "ticked_form",
]
