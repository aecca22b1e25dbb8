"""Table files on the page of a data stream: upload one, and choose the profile that says how they are read."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from ledgers.models import DataStream, ImportProfile, SourceFile
from ledgers.services.profiles import stream_set_profile
from ledgers.states import ImportTarget
from organizations.actors import Actor
from organizations.backoffice.acts import Act
from reconciliation.admin.imports.acts import follow
from reconciliation.admin.stream_acts import busy, owned
from reconciliation.admin.words import plainly
from reconciliation.services.imports import import_add
from reconciliation.services.sources import receive


class TableForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("File"),
        widget=UnfoldAdminFileFieldWidget,
        help_text=gettext_lazy("A table: CSV in any layout, or text between tabs or semicolons."),
    )


def file_acts(obj: DataStream) -> list[Act]:
    """Upload, and how uploads are read. Greyed where the stream is filled by its owner."""
    against = owned(obj)
    return [
        Act(
            "upload",
            _("Upload a file"),
            partial(_uploaded, obj),
            "imports:write",
            against=against or busy(obj),
            form=TableForm,
            explain=_(
                "Each row becomes a record of this stream: all of them, or none and the rows at fault are named. Rows whose"
                " id the stream has are skipped. A layout that nobody has declared is asked for first."
            ),
            success=_("The file is being read."),
            after=follow,
        ),
        Act(
            "profile",
            _("Choose how files are read"),
            partial(plainly(stream_set_profile, obj), stream=obj),
            "profiles:write",
            against=against,
            form=profile_form(obj),
            initial={"profile": obj.import_profile_id},
            explain=_("Its files are read by this import profile from here on."),
            success=_("It is saved."),
        ),
    ]


def profile_form(obj: DataStream) -> type[forms.Form]:
    profiles = ImportProfile.objects.of(obj.organization_id).current().filter(target=ImportTarget.RECORDS)
    field = forms.ModelChoiceField(
        profiles.order_by("name"),
        label=_("Import profile"),
        required=False,
        empty_label=_("our own layout, or what fits"),
        widget=UnfoldAdminSelectWidget,
    )
    return type("StreamProfileForm", (forms.Form,), {"profile": field})


def _uploaded(stream: DataStream, *, file: Any, by: Actor, at: datetime) -> SourceFile:
    file.seek(0)  # an act may run again
    add = plainly(import_add, stream)
    return add(
        organization_id=stream.organization_id,
        received=receive(file),
        filename=file.name or "",
        stream=stream,
        by=by,
        at=at,
    )
