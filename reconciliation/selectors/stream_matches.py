"""Live matches as the data streams surface lists them: a page and its count cost the same with a million behind them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection
from django.utils.translation import gettext as _

from ledgers.money import MINOR_MAX
from organizations.refusals import NotFound
from reconciliation.models import Match
from reconciliation.selectors.reconciliations import listed_reconciliations
from reconciliation.states import MatchStatus
from rules.models import Reconciliation

WORDS: dict[str, str] = {"matched": MatchStatus.ACCEPTED.value, "suggested": MatchStatus.SUGGESTED.value}
"""How the surface calls live matches; of the others it shows rejected ones where they were just decided."""

PAGE = """
SELECT found.id FROM unnest(%(reconciliations)s::bigint[]) AS wanted(id)
CROSS JOIN LATERAL (
    SELECT id FROM reconciliation_match
    WHERE reconciliation_id = wanted.id AND status = ANY(%(statuses)s) AND id < %(before)s
    ORDER BY id DESC LIMIT %(most)s
) AS found
ORDER BY found.id DESC OFFSET %(offset)s LIMIT %(limit)s
"""
PAGE_OF_ONE = """
SELECT id FROM reconciliation_match
WHERE reconciliation_id = (%(reconciliations)s::bigint[])[1] AND status = ANY(%(statuses)s) AND id < %(before)s
ORDER BY id DESC OFFSET %(offset)s LIMIT %(limit)s
"""
"""Straight from the index, where there is nothing to merge."""
COUNT = """
SELECT count(*) FROM (
    SELECT 1 FROM reconciliation_match
    WHERE reconciliation_id = ANY(%(reconciliations)s::bigint[]) AND status = ANY(%(statuses)s) LIMIT %(most)s
) AS found
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which matches: of these reconciliations, in these statuses."""

    reconciliation_ids: Sequence[int]
    statuses: Sequence[str]


def asked_matches(
    organization_id: int, *, reconciliation_id: int | None, word: str | None, owned: bool
) -> Asked:
    """Of one reconciliation, whatever its kind, or of all; a word that is no status finds nothing."""
    if reconciliation_id is not None:
        rows = Reconciliation.objects.of(organization_id).live().filter(pk=reconciliation_id)
    else:
        rows = listed_reconciliations(organization_id, owned=owned)
    statuses = list(WORDS.values()) if word is None else [WORDS[word]] if word in WORDS else []
    return Asked(list(rows.values_list("pk", flat=True)), statuses)


def match_page(asked: Asked, *, limit: int, offset: int = 0, before: int | None = None) -> list[Match]:
    """Newest first, at most `limit`."""
    with connection.cursor() as cursor:
        cursor.execute(
            PAGE_OF_ONE if len(asked.reconciliation_ids) == 1 else PAGE,
            {
                "reconciliations": list(asked.reconciliation_ids),
                "statuses": list(asked.statuses),
                "before": MINOR_MAX if before is None else before,
                "most": offset + limit,
                "offset": offset,
                "limit": limit,
            },
        )
        ids = [row[0] for row in cursor.fetchall()]
    return shown_matches(ids)


def match_count(asked: Asked, *, up_to: int) -> int:
    """How many, or one more than `up_to` where there are more than that."""
    with connection.cursor() as cursor:
        cursor.execute(
            COUNT,
            {
                "reconciliations": list(asked.reconciliation_ids),
                "statuses": list(asked.statuses),
                "most": up_to + 1,
            },
        )
        return int(cursor.fetchone()[0])


def shown_matches(ids: Iterable[int]) -> list[Match]:
    """These matches with their rule, in the order of the ids."""
    rows = Match.objects.select_related("rule_revision__rule").in_bulk(list(ids))
    return [rows[pk] for pk in ids if pk in rows]


def live_match_of(*, organization_id: int, match_id: int) -> Match:
    """What was undone, superseded or rejected is not there any more. NotFound "match.not_found"."""
    rows = Match.objects.live().filter(
        reconciliation__organization_id=organization_id, reconciliation__voided_at__isnull=True
    )
    match = rows.select_related("rule_revision__rule", "reconciliation").filter(pk=match_id).first()
    if match is None:
        raise NotFound(_("There is no match with this id."), code="match.not_found")
    return match
