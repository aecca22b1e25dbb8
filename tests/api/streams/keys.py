"""Paths of data streams by key, and how answers refuse, for tests over HTTP."""

from __future__ import annotations

from urllib.parse import quote

STREAMS = "/v1/data_streams"


def create(client, **body):
    return client.post(STREAMS, {"key": "card_acquirer", "name": "Card acquirer", **body}, format="json")


def at(key: str, *more: object) -> str:
    return "/".join([STREAMS, quote(key, safe=""), *(str(step) for step in more)])


def reason(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["reason"]


def paths(answer) -> list[list[str]]:
    return [issue["path"] for issue in answer.json()["issues"]]
