"""What can be done with an import: given what it lacks and read again, replaced by a corrected file, undone."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from ledgers import formats
from ledgers.models import ImportProfile, Ledger, SourceFile
from ledgers.services.previews import profiles_that_fit
from ledgers.states import UNFINISHED, UNREAD, SourceFileStatus
from organizations.actors import Actor
from organizations.backoffice.acts import Act
from reconciliation import tasks
from reconciliation.doorbell import ring
from reconciliation.selectors.imports import undo_preview
from reconciliation.services import imports
from reconciliation.services.account_routes import NO_ACCOUNT, UNKNOWN_ACCOUNT, AccountKey
from reconciliation.services.sources import receive
from reconciliation.services.stream_files import DUPLICATE

MAPPING_ACT = "declare"
LEAVE_OUT = "out"
DECLARABLE = (formats.CSV, formats.ZIP)
ACCOUNTS_MAX = 50
"""Accounts of a file that the form asks for at once; the rest is asked for after the next reading."""


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Why"), max_length=imports.REASON_MAX, widget=UnfoldAdminTextInputWidget
    )


class FileForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("Corrected file"),
        widget=UnfoldAdminFileFieldWidget,
        help_text=gettext_lazy("It takes the place of this one, and is read as this one was to be."),
    )


def acts_of(file: Any) -> list[Act]:
    """In the order in which they are likely; those that don't concern this file are left out."""
    if file.voided_at is not None:
        return []
    waits = file.status in UNREAD
    rows = _answers(file) if waits else []
    if waits:
        # Lines are wrong: most likely another file comes. Else an answer is what it waits for.
        rows.insert(0 if file.error_row_count else len(rows), _replacing(file))
        rows.append(_retrying(file))
    return [*rows, _undoing(file)]


def _answers(file: Any) -> list[Act]:
    """What the refusal asks for."""
    rows = []
    if file.error_code == DUPLICATE:
        return [_taking_again(file)]
    if file.error_code == UNKNOWN_ACCOUNT:
        rows.append(_placing(file))
    if file.format in DECLARABLE and file.error_code not in (UNKNOWN_ACCOUNT, NO_ACCOUNT):
        if file.format == formats.CSV:
            rows.append(_declaring(file))
        rows.append(_choosing_profile(file))
    if file.stream_id is not None:
        return rows
    if file.error_code == NO_ACCOUNT or (file.ledger is None and file.error_code != UNKNOWN_ACCOUNT):
        rows.append(_choosing_ledger(file))
    return rows


def follow(_request: HttpRequest, source: SourceFile) -> HttpResponse:
    """Ring for the worker, then to the page of the file, which follows it."""
    ring(tasks.import_file, source_file_id=source.pk)
    return HttpResponseRedirect(reverse("admin:reconciliation_fileimport_change", args=[source.pk]))


def _declaring(file: Any) -> Act:
    """Leads to a page of its own."""
    return Act(
        MAPPING_ACT,
        _("Say how it is read"),
        partial(imports.import_retry, source=file),
        "imports:write",
        explain=_("Look at the file, answer what is asked, and see the lines before they are taken."),
    )


def _retrying(file: Any) -> Act:
    return Act(
        "retry",
        _("Try again"),
        partial(imports.import_retry, source=file),
        "imports:write",
        success=_("The file is read again."),
        after=follow,
    )


def _taking_again(file: Any) -> Act:
    return Act(
        "take-again",
        _("Its rows happened twice"),
        partial(imports.import_take_again, source=file),
        "imports:write",
        explain=_(
            "Every row of the file becomes a record once more. Do this only where the same amounts really moved twice."
        ),
        success=_("The file is read again."),
        after=follow,
    )


def _choosing_ledger(file: Any) -> Act:
    class LedgerForm(forms.Form):
        ledger = forms.ModelChoiceField(
            label=_("Ledger"),
            queryset=Ledger.objects.of(file.organization_id),
            widget=UnfoldAdminSelectWidget,
        )

    return Act(
        "ledger",
        _("Choose its ledger"),
        partial(imports.import_to_ledger, source=file),
        "imports:write",
        form=LedgerForm,
        explain=_("Statements of this file that name no account are taken into this ledger."),
        success=_("The file is read again."),
        after=follow,
    )


def _choosing_profile(file: Any) -> Act:
    fitting = {profile.pk for profile in profiles_that_fit(file)} if file.format == formats.CSV else set()
    current = ImportProfile.objects.of(file.organization_id).current().filter(target=file.target)

    class Profiles(forms.ModelChoiceField):
        def label_from_instance(self, obj: Any) -> str:
            return (
                _("%(name)s: its columns are in the file") % {"name": obj} if obj.pk in fitting else str(obj)
            )

    class ProfileForm(forms.Form):
        profile = Profiles(label=_("Import profile"), queryset=current, widget=UnfoldAdminSelectWidget)

    return Act(
        "profile",
        _("Choose a profile"),
        partial(imports.import_declare, source=file),
        "imports:write",
        against="" if current.exists() else _("There is no import profile yet."),
        form=ProfileForm,
        explain=_("The file is read as the profile declares."),
        success=_("The file is read again."),
        after=follow,
    )


def _placing(file: Any) -> Act:
    """Which ledger each unknown account belongs to; an account that nobody knows is made."""
    asked = [row for row in file.skipped_statements if not row.get("left_out")][:ACCOUNTS_MAX]
    ledgers = list(Ledger.objects.of(file.organization_id).order_by("code"))
    fields: dict[str, forms.Field] = {}
    names: dict[str, AccountKey] = {}
    for place, row in enumerate(asked):
        name, currency = f"account_{place}", row.get("currency", "")
        names[name] = (row["account"], currency)
        own = [
            (each.pk, f"{each.code} {each.description}".strip())
            for each in ledgers
            if currency in ("", each.currency)
        ]
        fields[name] = forms.ChoiceField(
            label=f"{row['account']} {currency}".strip(),
            choices=[("", "–"), *own, (LEAVE_OUT, _("leave its statements out"))],
            required=False,
            widget=UnfoldAdminSelectWidget,
            help_text=_("%(n)s lines of the file") % {"n": row["lines"]},
        )
    form = type("AccountsForm", (forms.Form,), fields)
    return Act(
        "accounts",
        _("Put its accounts to ledgers"),
        partial(_place, file, names, {str(each.pk): each for each in ledgers}),
        "imports:write",
        form=form,
        explain=_(
            "To which ledger does each account belong? An account that is not known yet is made. What is left out stays "
            "in the kept file. Then it is read again."
        ),
        success=_("The accounts have their ledgers, and the file is read again."),
        after=follow,
    )


def _place(
    file: Any, names: dict[str, AccountKey], own: dict[str, Ledger], *, by: Actor, at: datetime, **chosen: str
) -> SourceFile:
    ledgers = {names[name]: own[text] for name, text in chosen.items() if text in own}
    left_out = [names[name] for name, text in chosen.items() if text == LEAVE_OUT]
    return imports.import_accounts(source=file, ledgers=ledgers, left_out=left_out, by=by, at=at)


def _replacing(file: Any) -> Act:
    return Act(
        "replace",
        _("Upload a corrected file"),
        partial(_replace, file),
        "imports:write",
        form=FileForm,
        explain=_("Correct the lines that are named, or ask the sender for a new file."),
        success=_("The corrected file is being read."),
        after=follow,
    )


def _replace(source: Any, *, file: Any, by: Actor, at: datetime) -> SourceFile:
    file.seek(0)  # an act may run again
    return imports.import_replace(
        source=source, received=receive(file), filename=file.name or "", by=by, at=at
    )


def _undoing(file: Any) -> Act:
    completed = file.status == SourceFileStatus.COMPLETED
    return Act(
        "undo",
        _("Undo the import") if completed else _("Take it away"),
        partial(imports.import_void, source=file),
        "imports:write",
        against=_("It is being read. Wait until that has finished.") if file.status in UNFINISHED else "",
        danger=True,
        form=ReasonForm,
        explain=lazy(_consequence, str)(file),
        success=lambda counts: (
            _("Undone: %(gone)s lines went, %(stayed)s stay, %(undone)s matches were undone.")
            % {"gone": counts.voided, "stayed": counts.stayed, "undone": counts.undone}
        ),
    )


def _consequence(file: Any) -> str:
    """What undoing would undo; asked for only where the form is shown."""
    if file.status != SourceFileStatus.COMPLETED:
        return _("Nothing of this file was taken. It stays here as taken away, with its history.")
    if file.stream_id is not None:
        text = _(
            "The %(n)s records that came with %(name)s go, with undecided proposals on them. Where one of them is in an"
            " accepted match, nothing is done."
        )
        return text % {"n": f"{file.imported_count:,}", "name": file.filename}
    found = undo_preview(file)
    text = _(
        "%(gone)s of the %(lines)s lines of %(name)s go, in all its ledgers; %(shared)s stay, since another file states them "
        "too. %(matches)s matches are undone, %(accepted)s of them accepted. The ledgers' entries are open again."
    )
    return text % {
        "gone": found.lines - found.shared,
        "lines": found.lines,
        "name": file.filename,
        "shared": found.shared,
        "matches": found.matches,
        "accepted": found.accepted,
    }
