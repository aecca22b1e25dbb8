"""Keys of data streams in paths: visible ASCII without a slash, percent-encoded where a URL needs it."""

from __future__ import annotations

from urllib.parse import quote


def stream_path(key: str, *more: object) -> str:
    """The path of a stream, or of something below it, as a client can ask for it."""
    return "/v1/data_streams/" + "/".join(quote(str(step), safe="") for step in (key, *more))
