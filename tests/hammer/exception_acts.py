"""What people do about overdue records: mark them, and open, close, reopen and delete exceptions beside the sweep."""

from __future__ import annotations

from datetime import timedelta

from exceptions_app.models import ReconciliationException
from exceptions_app.services.exceptions import exception_change, exception_create, exception_delete
from exceptions_app.services.overdue import record_mark_overdue
from exceptions_app.states import ExceptionStatus
from ledgers.models import Record
from rules.models import ReconciliationStream
from tests.hammer.hands import Hand

LATER = timedelta(days=365)  # than the hammer ever strikes


def mark_overdue(hand: Hand) -> object:
    """Since now mostly; sometimes not for long."""
    wired = hand.one(list(ReconciliationStream.objects.order_by("pk")))
    record = hand.newest(Record.objects.live().entries().filter(stream=wired.stream_id))
    overdue_at = hand.at if hand.chance.random() < 0.8 else hand.at + LATER
    return hand.act(
        record_mark_overdue,
        organization_id=hand.world.by.organization_id,
        reconciliation_id=wired.reconciliation_id,
        record_id=record.pk,
        overdue_at=overdue_at,
    )


def open_exception(hand: Hand) -> object:
    wired = hand.one(list(ReconciliationStream.objects.order_by("pk")))
    return hand.act(
        exception_create,
        organization_id=hand.world.by.organization_id,
        reconciliation_id=wired.reconciliation_id,
        stream_id=wired.stream_id,
        status=hand.one(ExceptionStatus.values),
    )


def change_exception(hand: Hand) -> object:
    return hand.act(
        exception_change,
        organization_id=hand.world.by.organization_id,
        exception_id=_an_exception(hand).pk,
        status=hand.one(ExceptionStatus.values),
    )


def delete_exception(hand: Hand) -> object:
    return hand.act(
        exception_delete,
        organization_id=hand.world.by.organization_id,
        exception_id=_an_exception(hand).pk,
    )


def _an_exception(hand: Hand) -> ReconciliationException:
    return hand.newest(ReconciliationException.objects.live())
