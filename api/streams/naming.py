"""Finds what a body or a query names. There is none: bad input, just as where it is another organization's."""

from __future__ import annotations

from django.utils.translation import gettext as _

from ledgers.models import BankAccount, DataStream
from ledgers.selectors.streams import stream_by_key
from organizations.refusals import Invalid


def named_stream(organization_id: int, key: str, path: str = "data_stream_key") -> DataStream:
    """The stream of this key, owned ones too. Invalid "stream.not_found"."""
    found = stream_by_key(organization_id=organization_id, key=key)
    if found is None:
        raise unknown(path, _("There is no data stream with this key."), code="stream.not_found")
    return found


def named_account(organization_id: int, account_id: int, path: str = "bank_account_id") -> BankAccount:
    """The bank account of this id. Invalid "bank_account.not_found"."""
    found = BankAccount.objects.of(organization_id).live().filter(pk=account_id).first()
    if found is None:
        raise unknown(path, _("There is no bank account with this id."), code="bank_account.not_found")
    return found


def unknown(path: str, message: str, *, code: str) -> Invalid:
    return Invalid(f"{path}: {message}", code=code, issues=[{"path": [path], "message": message}])
