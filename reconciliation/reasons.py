"""Why something was closed or ended, in words: stored as short codes by acts of ours, as they are by people."""

from __future__ import annotations

from django.utils.translation import gettext as _


def reason_words(reason: str) -> str:
    """Why something was closed: a person's own words, or what ended it by itself."""
    return {
        "auto:matched": _("its line was matched"),
        "auto:item_closed": _("its line was closed"),
        "auto:match_ended": _("its match ended"),
        "zero_amount": _("its amount is zero"),
        "before_opening": _("it is older than the ledger's opening balance"),
        "manual_review": _("manual review"),
        "rejected": _("rejected by a person"),
        "undone": _("undone by a person"),
        "item_closed": _("its line or entry was closed"),
        "source_voided": _("its file was deleted"),
        "record_changed": _("its line or entry was changed"),
        "extended": _("a later match took its place"),
        "stream_unwire": _("its stream was taken out of the reconciliation"),
        "stream_reset": _("its stream was emptied"),
        "pass_undone": _("its matching was undone"),
    }.get(reason, reason)
