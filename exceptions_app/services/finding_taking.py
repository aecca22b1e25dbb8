"""Turns what an investigation suggests into a match: one click, by the service with which people match by hand. Called by the
back office and the API."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from exceptions_app.investigating.matchable import takes_adjustment, why_not_matchable
from exceptions_app.investigating.texts import cause_words
from exceptions_app.models import Finding, ReconciliationException
from ledgers.amounts import shown
from ledgers.models import Record
from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Conflict, Invalid, NotFound
from reconciliation.models import Match
from reconciliation.services.stream_matches import match_by_hand

SCOPE = "matches:decide"
NOT_OPEN = frozenset(
    {"record.matched", "record.not_found", "record.not_in_reconciliation", "match.token_taken"}
)
"""What matching by hand says of records that are not open any more."""


def finding_take(
    *,
    organization_id: int,
    finding_id: int,
    create_adjustment: bool = False,
    by: Actor,
    at: datetime,
) -> Match:
    """Match the finding's record with those that it suggests, as one accepted match; undecided suggestions on them end. The
    finding keeps which match it became; when that match has ended, it may be taken again.

    With `create_adjustment` a difference is made up by an adjustment record (streams only). NotFound "finding.not_found".
    Conflict: "finding.taken" (naming the match), "finding.not_matchable" (the cause suggests nothing to match),
    "finding.out_of_date" (a record is not open any more, or another difference is left than the finding says),
    "finding.difference" (the amounts differ and no adjustment is asked for). Invalid "match.adjustment_refused" for an
    adjustment in a ledger's reconciliation.
    """
    by.require(SCOPE)
    finding = _finding(organization_id, finding_id)
    _refuse_taken(finding)
    if reason := why_not_matchable(finding):
        raise Conflict(reason, code="finding.not_matchable")
    match = _matched(finding, create_adjustment=create_adjustment, by=by, at=at)
    # What is refused from here on is not kept, the match neither.
    if match.difference and not create_adjustment:
        raise _differs(finding, match)
    if match.adjustment_id is not None:
        _refuse_another_difference(finding, Record.objects.get(pk=match.adjustment_id))
    as_read = Finding.objects.filter(pk=finding.pk, match_id=finding.match_id)
    if not as_read.update(match_id=match.pk, taken_at=at, taken_by=by.ref):
        raise _taken(finding_id)
    audit.record(
        action="finding.taken",
        organization_id=organization_id,
        by=by,
        at=at,
        subject=finding.investigation.exception,
        subjects=[finding, match],
        cause=finding.cause,
        records=[finding.record_id, *finding.suggested],
        adjustment=match.adjustment_id,
    )
    return match


def _finding(organization_id: int, finding_id: int) -> Finding:
    live = ReconciliationException.objects.of(organization_id).live()
    rows = Finding.objects.filter(pk=finding_id, investigation__exception__in=live)
    found = rows.select_related("investigation__exception__reconciliation").first()
    if found is None:
        raise NotFound(_("There is no finding with this id."), code="finding.not_found")
    return found


def _refuse_taken(finding: Finding) -> None:
    if finding.match_id is not None:
        match = Match.objects.filter(pk=finding.match_id).first()
        if match is not None and match.is_live:
            raise _taken(finding.pk)


def _taken(finding_id: int) -> Conflict:
    finding = Finding.objects.get(pk=finding_id)
    return Conflict(
        _("This suggestion is match %(match)s already, by %(by)s. Undo that match to take it anew.")
        % {"match": finding.match_id, "by": finding.taken_by},
        code="finding.taken",
        details={"match_id": finding.match_id, "by": finding.taken_by},
    )


def _matched(finding: Finding, *, create_adjustment: bool, by: Actor, at: datetime) -> Match:
    try:
        return match_by_hand(
            reconciliation=finding.investigation.exception.reconciliation,
            record_ids=[finding.record_id, *finding.suggested],
            create_adjustment=create_adjustment,
            adjustment_reason=_reason(finding),
            by=by,
            at=at,
        )
    except (Conflict, Invalid) as refusal:
        if refusal.code not in NOT_OPEN:
            raise
        _refuse_taken(Finding.objects.get(pk=finding.pk))  # somebody was a moment faster
        raise Conflict(
            _("Things have changed since the investigation: %(why)s Or ask for a new investigation.")
            % {"why": _sentence(finding, refusal)},
            code="finding.out_of_date",
            details={**refusal.details, "record_ids": [finding.record_id, *finding.suggested]},
        ) from refusal


def _sentence(finding: Finding, refusal: Conflict | Invalid) -> str:
    """What is wrong, with the record's number in place of where it stood in the request."""
    if not refusal.issues:
        return refusal.message
    ids = [finding.record_id, *finding.suggested]
    issue = refusal.issues[0]
    place = issue["path"][-1]
    named = ids[place] if isinstance(place, int) and place < len(ids) else finding.record_id
    return _("record %(id)s: %(message)s") % {"id": named, "message": issue["message"]}


def _refuse_another_difference(finding: Finding, written: Record) -> None:
    """An adjustment is written for what was shown, not for what the records have become since."""
    if written.amount != abs(finding.difference):
        raise Conflict(
            _(
                "Things have changed since the investigation: these records differ by %(left)s now, not by %(said)s. Ask for a"
                " new investigation."
            )
            % {
                "left": shown(written.amount, written.decimal_places, written.currency),
                "said": shown(abs(finding.difference), written.decimal_places, written.currency),
            },
            code="finding.out_of_date",
            details={"record_ids": [finding.record_id, *finding.suggested], "difference": written.amount},
        )


def _reason(finding: Finding) -> str:
    """What the adjustment is called."""
    return _("%(cause)s, found by investigation %(id)s") % {
        "cause": cause_words(finding.cause).capitalize(),
        "id": finding.investigation_id,
    }


def _differs(finding: Finding, match: Match) -> Conflict:
    left = shown(abs(match.difference), match.decimal_places, match.currency)
    words = (
        _(
            "These records differ by %(left)s. Ask for an adjustment of that amount with the match, or correct what is wrong."
        )
        if takes_adjustment(finding)
        else _(
            "These records differ by %(left)s, and no adjustment is written into a ledger or a statement. Post an entry for"
            " it and match all of them by hand, or correct what is wrong."
        )
    )
    return Conflict(
        words % {"left": left},
        code="finding.difference",
        details={"difference": match.difference, "currency": match.currency},
    )
