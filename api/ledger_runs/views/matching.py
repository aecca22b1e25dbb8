"""Passes of the engine, and what people decide on matches."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.ledger_runs import bodies, examples, filters, presenting, shapes
from api.ledger_runs.views.base import LedgerRunView
from api.shared.errors import body_of_exception
from api.shared.fields import read_body
from api.shared.idempotency import act, answer_of, key_of, replay_headers
from api.shared.preferences import wait_seconds
from api.shared.schema import PREFER, ProblemShape, operation, with_example
from ledgers.selectors import find_ledger
from organizations.acts import Answer, perform
from organizations.refusals import Conflict, NotFound, Refusal
from reconciliation.models import Match, Pass
from reconciliation.selectors.matches import match_of, matches_of
from reconciliation.services import by_hand, matches, passes
from reconciliation.services.groups import Made
from reconciliation.states import PassStatus

PASSES = "/v1/ledgers/reconciliation/passes/"


@with_example({"matched": 4})
class Matched(serializers.Serializer[Any]):
    matched = serializers.IntegerField(help_text="Items that this call matched, wholly.")

    class Meta:
        ref_name = "Matched"


class PassLink(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    status = serializers.CharField()
    progress = serializers.IntegerField()
    url = serializers.CharField()

    class Meta:
        ref_name = "PassLink"


PASS_LINK = {
    "id": examples.ATTEMPT_ID,
    "status": "running",
    "progress": 40,
    "url": PASSES + examples.ATTEMPT_ID,
}


@with_example({"pass": PASS_LINK})
class PassUnderWay(serializers.Serializer[Any]):
    def get_fields(self) -> dict[str, Any]:
        return {"pass": PassLink()}

    class Meta:
        ref_name = "PassUnderWay"


@with_example({"passes": [PASS_LINK]})
class PassesUnderWay(serializers.Serializer[Any]):
    passes = PassLink(many=True)

    class Meta:
        ref_name = "PassesUnderWay"


def link(pass_: Pass) -> dict[str, Any]:
    return {
        "id": str(pass_.uuid),
        "status": pass_.status,
        "progress": pass_.progress,
        "url": f"{PASSES}{pass_.uuid}",
    }


def refuse_broken(pass_: Pass) -> None:
    """A pass that ended without finishing has no count to give."""
    if pass_.status in (PassStatus.FAILED, PassStatus.CANCELLED):
        message = _("The pass %(status)s. %(error)s What it wrote stays; start another one.")
        raise Conflict(
            message % {"status": pass_.get_status_display().lower(), "error": pass_.error},
            code=f"pass.{pass_.status}",
            word="run_state_conflict",
            details={"pass": link(pass_)},
        )


class AutoMatch(LedgerRunView):
    scopes = {"POST": "matches:decide"}

    @operation(
        "runs_auto_match",
        "Match the run",
        body=bodies.NoBody,
        answers={200: Matched, 202: PassUnderWay},
        parameters=[PREFER],
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        """Runs the ledger's rules over the run's open items. Past the wait: 202, and the pass goes on. 409 while a pass of
        this run is under way."""
        read_body(bodies.NoBody, request.data)

        def ask() -> Answer:
            run = self.run_of(run_id)
            asked = passes.pass_request(reconciliation=run.reconciliation, run=run, by=self.by, at=self.at)
            return Answer(202, asked.pk)

        answer = answer_of(request, ask)
        wait, applied = wait_seconds(request)
        pass_ = passes.pass_wait(answer.body, seconds=wait)
        refuse_broken(pass_)
        headers = replay_headers(answer) | ({"Preference-Applied": applied} if applied else {})
        if not pass_.is_under_way:
            return Response({"matched": pass_.matched}, headers=headers)
        return Response(
            {"pass": link(pass_)}, status=202, headers={**headers, "Location": f"{PASSES}{pass_.uuid}"}
        )


class LedgerTrigger(LedgerRunView):
    scopes = {"POST": "matches:decide"}

    @operation(
        "ledgers_reconcile",
        "Match all open runs of a ledger",
        body=bodies.NoBody,
        answers={200: Matched, 202: PassesUnderWay},
        parameters=[PREFER],
    )
    def post(self, request: Request, ledger_id: UUID) -> Response:
        """The ledger-level trigger: auto-match over every run of the ledger that is not closed; 0 where there is none."""
        read_body(bodies.NoBody, request.data)

        def ask() -> Answer:
            ledger = find_ledger(organization_id=self.organization_id, ledger_id=ledger_id)
            asked = passes.passes_request_for_ledger(ledger=ledger, by=self.by, at=self.at)
            return Answer(202, [each.pk for each in asked])

        answer = answer_of(request, ask)
        wait, applied = wait_seconds(request)
        until = time.monotonic() + wait
        ended = [passes.pass_wait(pk, seconds=until - time.monotonic()) for pk in answer.body]
        headers = replay_headers(answer) | ({"Preference-Applied": applied} if applied else {})
        if any(each.is_under_way for each in ended):
            return Response({"passes": [link(each) for each in ended]}, status=202, headers=headers)
        for each in ended:
            refuse_broken(each)
        return Response({"matched": sum(each.matched for each in ended)}, headers=headers)


def pass_of(organization_id: int, pass_id: UUID) -> Pass:
    rows = Pass.objects.filter(reconciliation__organization_id=organization_id)
    found = rows.select_related("run", "reconciliation").filter(uuid=pass_id).first()
    if found is None:
        raise NotFound(_("There is no such pass."), code="pass.not_found", word="pass_not_found")
    return found


class OnePass(LedgerRunView):
    scopes = {"GET": "reconciliations:read"}

    @operation("passes_get", "Show a pass", answers={200: shapes.PassShape})
    def get(self, request: Request, pass_id: UUID) -> Response:
        """Its progress while it runs, its counts per rule after."""
        return Response(presenting.pass_body(pass_of(self.organization_id, pass_id), self.organization_id))


class CancelPass(LedgerRunView):
    scopes = {"POST": "matches:decide"}

    @operation("passes_cancel", "Cancel a pass", body=bodies.NoBody, answers={200: shapes.PassShape})
    def post(self, request: Request, pass_id: UUID) -> Response:
        """At once while it waits, between two chunks while it runs; what it wrote stays."""
        read_body(bodies.NoBody, request.data)
        return act(
            request,
            lambda: passes.pass_cancel(pass_=pass_of(self.organization_id, pass_id), by=self.by, at=self.at),
            render=lambda pass_: presenting.pass_body(pass_, self.organization_id),
        )


# --- matches ---------------------------------------------------------------------------------------------------------------


class Matches(LedgerRunView):
    scopes = {"GET": "reconciliations:read"}

    @operation(
        "matches_list", "List the run's matches", answers={200: shapes.MatchList}, query=filters.MATCHES
    )
    def get(self, request: Request, run_id: UUID) -> Response:
        """Matches with an item of the run among their members."""

        show = partial(presenting.match_bodies, organization_id=self.organization_id)

        return self.listed(request, filters.MATCHES, matches_of(self.run_of(run_id)), show)


class ManualMatch(LedgerRunView):
    scopes = {"POST": "matches:decide"}

    @operation(
        "runs_manual_match",
        "Match by hand",
        body=bodies.ManualMatchBody,
        answers={201: shapes.MadeMatchShape},
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        """Any number of items with any number of entries of one direction, as one match, accepted at once. Sides that
        differ match in part: the smaller is covered wholly, the larger by date. An item or entry that another match
        covers in part may be named: this match takes that one's place. 409 where one is closed or wholly matched."""
        body = read_body(bodies.ManualMatchBody, request.data)

        def make() -> Made:
            return by_hand.match_manual(
                run=self.run_of(run_id),
                item_ids=body["source_entry_ids"],
                entry_ids=body["ledger_entry_ids"],
                note=body.get("note") or "",
                cleared_on=body.get("cleared_on"),
                by=self.by,
                at=self.at,
            )

        return act(
            request,
            make,
            render=lambda made: presenting.made_body(made, self.organization_id),
            status=201,
        )


class OneMatch(LedgerRunView):
    scopes = {"GET": "reconciliations:read"}

    @operation("matches_get", "Show a match", answers={200: shapes.MatchShape})
    def get(self, request: Request, match_id: UUID) -> Response:
        """With its members on both sides."""
        return Response(presenting.match_body(match_id, self.organization_id))


DECISIONS = {
    "accept": matches.match_accept,
    "reject": matches.match_reject,
    "undo": matches.match_undo,
}


class Decision(LedgerRunView):
    """The common part of accept and reject."""

    scopes = {"POST": "matches:decide"}

    def decide(self, request: Request, match_id: UUID, action: str) -> Response:
        expected = read_body(bodies.DecisionBody, request.data).get("expected_status")

        def decide() -> Match:
            match = match_of(organization_id=self.organization_id, match_id=match_id)
            return DECISIONS[action](match_id=match.pk, expected_status=expected, by=self.by, at=self.at)

        return act(
            request, decide, render=lambda match: presenting.match_body(match.uuid, self.organization_id)
        )


class Accept(Decision):
    @operation("matches_accept", "Accept a match", body=bodies.DecisionBody, answers={200: shapes.MatchShape})
    def post(self, request: Request, match_id: UUID) -> Response:
        """Accepted already: nothing happens. Rejected: 409."""
        return self.decide(request, match_id, "accept")


class Reject(Decision):
    @operation("matches_reject", "Reject a match", body=bodies.DecisionBody, answers={200: shapes.MatchShape})
    def post(self, request: Request, match_id: UUID) -> Response:
        """Its items and entries are free again, and this group is not suggested again. Of an accepted match: its undo."""
        return self.decide(request, match_id, "reject")


class UndoMatch(Decision):
    @operation("matches_undo", "Undo a match", body=bodies.DecisionBody, answers={200: shapes.MatchShape})
    def post(self, request: Request, match_id: UUID) -> Response:
        """Its items and entries are free again; no judgement: the same group may be suggested again. Shown as rejected,
        with `ended_reason` undone. Ended already: nothing happens."""
        return self.decide(request, match_id, "undo")


class MatchNote(LedgerRunView):
    scopes = {"PATCH": "matches:decide"}

    @operation("matches_note", "Set a match's note", body=bodies.NoteBody, answers={200: shapes.MatchShape})
    def patch(self, request: Request, match_id: UUID) -> Response:
        """null or an empty text clears it."""
        body = read_body(bodies.NoteBody, request.data)

        def note() -> Match:
            match = match_of(organization_id=self.organization_id, match_id=match_id)
            if "note" not in body:
                return match
            return matches.match_note(match_id=match.pk, note=body["note"] or "", by=self.by, at=self.at)

        return act(
            request, note, render=lambda match: presenting.match_body(match.uuid, self.organization_id)
        )


# --- many at once --------------------------------------------------------------------------------------------------------------


class BulkResult(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    result = serializers.ChoiceField(["done", "refused"])
    match = shapes.MatchShape(allow_null=True)
    problem = ProblemShape(allow_null=True)

    class Meta:
        ref_name = "BulkResult"


@with_example(
    {
        "done": 1,
        "refused": 0,
        "results": [{"id": examples.MATCH_ID, "result": "done", "match": examples.MATCH, "problem": None}],
    }
)
class BulkResults(serializers.Serializer[Any]):
    done = serializers.IntegerField()
    refused = serializers.IntegerField()
    results = BulkResult(many=True)

    class Meta:
        ref_name = "BulkResults"


class BulkDecision(LedgerRunView):
    scopes = {"POST": "matches:decide"}

    @operation(
        "matches_bulk", "Accept or reject many", body=bodies.BulkDecisionBody, answers={200: BulkResults}
    )
    def post(self, request: Request) -> Response:
        """Up to 1,000 matches, each an act of its own with a result of its own: one that is refused stops no other."""
        body = read_body(bodies.BulkDecisionBody, request.data)
        results = [self._one(request, body, match_id) for match_id in dict.fromkeys(body["ids"])]
        done = sum(each["result"] == "done" for each in results)
        return Response({"done": done, "refused": len(results) - done, "results": results})

    def _one(self, request: Request, body: dict[str, Any], match_id: UUID) -> dict[str, Any]:
        """The request's key, joined with the id, is the key of each act, so that a repeat repeats none of them."""
        key = key_of(request)
        if key is not None:
            key = replace(key, key=hashlib.sha256(f"{key.key}/{match_id}".encode()).hexdigest())
        try:
            answer = perform(partial(self._decide, body, match_id), key=key)
        except Refusal as refusal:
            problem = body_of_exception(refusal, request, self.surface)
            return {"id": str(match_id), "result": "refused", "match": None, "problem": problem}
        return {"id": str(match_id), "result": "done", "match": answer.body, "problem": None}

    def _decide(self, body: dict[str, Any], match_id: UUID) -> Answer:
        match = match_of(organization_id=self.organization_id, match_id=match_id)
        decide = DECISIONS[body["action"]]
        decide(match_id=match.pk, expected_status=body["expected_status"], by=self.by, at=self.at)
        return Answer(200, presenting.match_body(match_id, self.organization_id))
