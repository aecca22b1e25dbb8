"""Stories over HTTP: chains of reconciliations, each mistake at its place, and how they read after changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from ledgers.models import DataStream
from organizations.models import AuditEvent
from reconciliation.models import StoryLink
from rules.models import Reconciliation
from rules.services import setup
from tests.api.callers import without_correlation
from tests.api.streams.reconciling.conftest import RECONCILIATIONS, STORIES, Cards, cards_of
from tests.clock import NOW
from tests.factories.ledgers import LedgerFactory
from tests.factories.organizations import OrganizationFactory
from tests.factories.reconciliation import StoryFactory

pytestmark = pytest.mark.django_db


@dataclass
class Chain:
    """Shop against acquirer, acquirer against bank, bank against books."""

    cards: Cards
    streams: list[DataStream]
    parts: list[int]

    def link(self, part: int, position: int | None = None, *, shared: int | None = None, **more: Any) -> dict:
        """The part's link; joined by the stream that it shares with the one before where `shared` says which."""
        said: dict[str, Any] = {
            "reconciliation_id": self.parts[part],
            "position": part + 1 if position is None else position,
        }
        if shared is not None:
            said["shared_data_stream_id"] = self.streams[shared].pk
        return {**said, **more}

    @property
    def whole(self) -> list[dict]:
        return [self.link(0), self.link(1, shared=1), self.link(2, shared=2)]

    def make(self, links: list[dict] | None = None, **more: Any) -> dict[str, Any]:
        body = {"name": "Sale to books", "links": self.whole if links is None else links, **more}
        return self.cards.post(STORIES, body)

    def refused(self, links: list[dict]) -> list[tuple[list, str]]:
        body = self.cards.post(STORIES, {"name": "x", "links": links}, expect=422)
        assert body["reason"] == "story.invalid"
        return [(issue["path"], issue["message"]) for issue in body["issues"]]

    def read(self, story: dict) -> dict:
        return self.cards.get(f"{STORIES}/{story['id']}")


@pytest.fixture
def chain(cards: Cards) -> Chain:
    streams = [cards.feeds.stream(key) for key in ("shop", "acquirer", "bank", "books")]
    parts = [cards.make(f"Part {n}", [streams[n]], [streams[n + 1]])["id"] for n in range(3)]
    return Chain(cards, streams, parts)


def names(story: dict) -> list[tuple]:
    return [
        (
            each["position"],
            each["role"],
            each["reconciliation_name"],
            each["shared_data_stream_id"],
            each["joined"],
        )
        for each in story["links"]
    ]


def test_it_is_made_as_the_contract_says(chain: Chain):
    shop, acquirer, bank, _books = chain.streams
    body = chain.make(
        [
            {
                "reconciliation_id": str(chain.parts[0]),
                "position": 1,
                "role": "origin",
                "shared_data_stream_id": None,
            },
            {
                "reconciliation_id": str(chain.parts[1]),
                "position": 2,
                "role": "continuation",
                "shared_data_stream_id": str(acquirer.pk),
            },
        ]
    )
    assert set(body) == {"id", "name", "created_at", "links"}
    assert body["name"] == "Sale to books"
    assert chain.read(body) == body
    first, second = body["links"]
    assert isinstance(first.pop("id"), int)
    assert first == {
        "position": 1,
        "role": "origin",
        "reconciliation_id": chain.parts[0],
        "reconciliation_name": "Part 0",
        "shared_data_stream_id": None,
        "shared_data_stream_name": None,
        "side_a_streams": [{"id": shop.pk, "name": shop.name}],
        "side_b_streams": [{"id": acquirer.pk, "name": acquirer.name}],
        "joined": True,
    }
    assert (second["role"], second["shared_data_stream_id"], second["shared_data_stream_name"]) == (
        "continuation",
        acquirer.pk,
        acquirer.name,
    )
    assert second["side_b_streams"] == [{"id": bank.pk, "name": bank.name}]


def test_roles_follow_from_the_positions_which_may_have_gaps_and_stand_in_any_order(chain: Chain):
    links = [chain.link(1, 20, shared=1), chain.link(2, 30, shared=2), chain.link(0, 7)]
    assert names(chain.make(links)) == [
        (7, "origin", "Part 0", None, True),
        (20, "continuation", "Part 1", chain.streams[1].pk, True),
        (30, "continuation", "Part 2", chain.streams[2].pk, True),
    ]


@pytest.mark.parametrize("body", [{"name": "Later"}, {"name": "Later", "links": []}])
def test_links_may_come_later(cards: Cards, body):
    assert cards.post(STORIES, body)["links"] == []


def test_a_ledgers_reconciliation_may_stand_in_it(chain: Chain):
    ledger = LedgerFactory(organization=chain.cards.feeds.organization)
    own = setup.ledger_reconciliation(ledger, by=chain.cards.feeds.by, at=NOW)
    assert (
        chain.make([{"reconciliation_id": own.pk, "position": 1}])["links"][0]["reconciliation_id"] == own.pk
    )


# --- what a chain must be ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("links", "path"),
    [
        ("no", ["links"]),
        (None, ["links"]),
        ([{"position": 1}], ["links", 0, "reconciliation_id"]),
        ([{"reconciliation_id": 1}], ["links", 0, "position"]),
        ([{"reconciliation_id": "x", "position": 1}], ["links", 0, "reconciliation_id"]),
        ([{"reconciliation_id": 1, "position": 0}], ["links", 0, "position"]),
        ([{"reconciliation_id": 1, "position": 2**31}], ["links", 0, "position"]),
        ([{"reconciliation_id": 1, "position": 1, "role": "middle"}], ["links", 0, "role"]),
        ([{"reconciliation_id": 1, "position": 1, "name": "x"}], ["links", 0, "name"]),
    ],
)
def test_a_link_that_cannot_be_read_is_named(cards: Cards, links, path):
    body = cards.post(STORIES, {"name": "x", "links": links}, expect=422)
    assert body["issues"][0]["path"] == path


@pytest.mark.parametrize("name", ["", None, "x" * 256, "   "])
def test_it_has_a_name(cards: Cards, name):
    assert cards.post(STORIES, {"name": name}, expect=422)["issues"][0]["path"] == ["name"]


def test_unknown_and_anothers_reconciliations_are_named(chain: Chain):
    theirs = cards_of(chain.cards.client, OrganizationFactory()).reconciliation
    deleted = chain.cards.make("Gone")["id"]
    chain.cards.delete(f"{RECONCILIATIONS}/{deleted}")
    for pk in (theirs.pk, deleted, 99999999):
        assert chain.refused([{"reconciliation_id": pk, "position": 1}]) == [
            (["links", 0, "reconciliation_id"], "There is no reconciliation with this id.")
        ]


def test_a_position_stands_once(chain: Chain):
    links = [chain.link(0), chain.link(1, 2, shared=1), chain.link(2, 2, shared=2)]
    assert chain.refused(links)[0] == (["links", 2, "position"], "Another link has position 2.")


def test_the_first_is_the_origin_and_shares_nothing(chain: Chain):
    assert chain.refused([chain.link(1, 2, shared=1), chain.link(0, 1, shared=1, role="continuation")]) == [
        (["links", 1, "role"], "The link with the lowest position is the origin."),
        (
            ["links", 1, "shared_data_stream_id"],
            "The origin follows nothing, so it shares no stream with the link before it.",
        ),
    ]


def test_only_the_first_is_the_origin(chain: Chain):
    assert chain.refused([chain.link(0), chain.link(1, shared=1, role="origin")]) == [
        (
            ["links", 1, "role"],
            "Only the link with the lowest position is the origin; this one is a continuation.",
        )
    ]


def test_a_continuation_names_what_it_shares(chain: Chain):
    assert chain.refused([chain.link(0), chain.link(1)]) == [
        (["links", 1, "shared_data_stream_id"], "Name the stream that joins it to the link before it.")
    ]


def test_the_shared_stream_is_one_of_ours(chain: Chain):
    theirs = cards_of(chain.cards.client, OrganizationFactory()).a
    for pk in (theirs.pk, 99999999):
        assert chain.refused([chain.link(0), chain.link(1, shared_data_stream_id=pk)]) == [
            (["links", 1, "shared_data_stream_id"], "There is no data stream with this id.")
        ]


@pytest.mark.parametrize(
    ("shared", "lacking"), [(0, "Part 1"), (2, "Part 0"), (3, "Part 0 and Part 1")], ids=str
)
def test_the_shared_stream_is_in_both(chain: Chain, shared, lacking):
    ((path, message),) = chain.refused([chain.link(0), chain.link(1, shared=shared)])
    assert path == ["links", 1, "shared_data_stream_id"]
    assert message == f"Stream {chain.streams[shared].name} is not in {lacking}."


def test_every_mistake_is_told_at_once(chain: Chain):
    links = [chain.link(0, shared=1), chain.link(1), {"reconciliation_id": 99999999, "position": 3}]
    assert [path for path, _message in chain.refused(links)] == [
        ["links", 0, "shared_data_stream_id"],
        ["links", 1, "shared_data_stream_id"],
        ["links", 2, "reconciliation_id"],
        ["links", 2, "shared_data_stream_id"],
    ]


def test_at_most_a_hundred_links(chain: Chain):
    links = [chain.link(0, n + 1) for n in range(101)]
    body = chain.cards.post(STORIES, {"name": "x", "links": links}, expect=422)
    assert body["issues"][0]["path"] == ["links"]


# --- changed, deleted, listed -----------------------------------------------------------------------------------------


def test_a_name_is_changed_and_the_chain_stays(chain: Chain):
    story = chain.make()
    body = chain.cards.patch(f"{STORIES}/{story['id']}", {"name": "Renamed"})
    assert (body["name"], body["links"]) == ("Renamed", story["links"])


def test_links_that_are_given_replace_the_whole_chain(chain: Chain):
    story = chain.make()
    path = f"{STORIES}/{story['id']}"
    body = chain.cards.patch(path, {"links": [chain.link(1, 1), chain.link(2, 2, shared=2)]})
    assert [each[2] for each in names(body)] == ["Part 1", "Part 2"]
    assert StoryLink.objects.count() == 2
    assert chain.cards.patch(path, {"links": []})["links"] == []
    assert AuditEvent.objects.filter(action="story.changed").count() == 2


def test_a_chain_that_is_refused_leaves_the_old_one(chain: Chain):
    story = chain.make()
    path = f"{STORIES}/{story['id']}"
    body = chain.cards.patch(path, {"name": "y", "links": [chain.link(0), chain.link(1)]}, expect=422)
    assert body["issues"][0]["path"] == ["links", 1, "shared_data_stream_id"]
    assert chain.read(story) == story
    assert chain.cards.patch(path, {"links": None}, expect=422)["issues"][0]["path"] == ["links"]


def test_deleted_it_is_gone_and_its_reconciliations_stay(chain: Chain):
    story = chain.make()
    path = f"{STORIES}/{story['id']}"
    chain.cards.delete(path)
    for answer in (
        chain.cards.client.get(path),
        chain.cards.client.delete(path),
        chain.cards.client.patch(path, {}, format="json"),
    ):
        assert (answer.status_code, answer.json()["reason"]) == (404, "story.not_found")
    assert chain.cards.get(STORIES) == {"data": []}
    assert Reconciliation.objects.live().filter(pk__in=chain.parts).count() == 3


def test_the_list_is_newest_first(chain: Chain):
    made = [chain.make([])["id"] for _each in range(3)]
    assert [row["id"] for row in chain.cards.get(STORIES)["data"]] == made[::-1]
    assert chain.cards.get(STORIES, 422, limit=1)["issues"][0]["path"] == ["limit"]


def test_the_list_takes_the_same_number_of_queries_however_long(chain: Chain, django_assert_num_queries):
    chain.make()
    with django_assert_num_queries(4):
        chain.cards.get(STORIES)
    for _each in range(4):
        chain.make()
    with django_assert_num_queries(4):
        assert len(chain.cards.get(STORIES)["data"]) == 5


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_anothers_is_as_unknown_as_one_that_does_not_exist(chain: Chain, stranger, method):
    story = chain.make()
    answers = [
        getattr(stranger, method)(f"{STORIES}/{pk}", format="json") for pk in (story["id"], 99999999, "x")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({str(without_correlation(answer)) for answer in answers}) == 1
    assert stranger.get(STORIES).json() == {"data": []}


# --- how it reads after changes -----------------------------------------------------------------------------------------


def test_a_deleted_reconciliation_is_left_out_and_the_gap_is_told(chain: Chain):
    story = chain.make()
    chain.cards.delete(f"{RECONCILIATIONS}/{chain.parts[1]}")
    assert names(chain.read(story)) == [
        (1, "origin", "Part 0", None, True),
        (3, "continuation", "Part 2", chain.streams[2].pk, False),
    ]


def test_where_the_first_is_deleted_the_next_is_the_origin(chain: Chain):
    story = chain.make()
    chain.cards.delete(f"{RECONCILIATIONS}/{chain.parts[0]}")
    assert names(chain.read(story)) == [
        (2, "origin", "Part 1", None, True),
        (3, "continuation", "Part 2", chain.streams[2].pk, True),
    ]


def test_a_shared_stream_that_was_taken_out_joins_no_more(chain: Chain):
    story = chain.make()
    chain.cards.patch(f"{RECONCILIATIONS}/{chain.parts[1]}", {"side_a_stream_ids": []})
    assert [each[4] for each in names(chain.read(story))] == [True, False, True]
    DataStream.objects.filter(pk=chain.streams[1].pk).update(voided_at=NOW)
    assert chain.read(story)["links"][1]["shared_data_stream_id"] is None


def test_of_another_organization_nothing_is_told(chain: Chain):
    StoryFactory()
    assert chain.cards.get(STORIES)["data"] == []
