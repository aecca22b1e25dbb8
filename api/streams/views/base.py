"""What the surface's views have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from api.shared.problems import Problem
from api.shared.views import SurfaceView

PROBLEMS: Mapping[int, Problem] = {
    403: Problem(
        403,
        "auth.missing_scope",
        "This needs the permission records:write, which you do not have. Ask an admin.",
        details={"scope": "records:write"},
    ),
    404: Problem(404, "stream.not_found", "There is no data stream with this key."),
    409: Problem(
        409,
        "stream.owned",
        "Stream Main account is owned by its ledger, account or connector. Change its records there.",
    ),
    422: Problem(
        422,
        "stream.key_taken",
        "key: There is a stream with this key already.",
        issues=[{"path": ["key"], "message": "There is a stream with this key already."}],
    ),
}


class StreamsView(SurfaceView):
    """A view of this surface."""

    surface = "streams"
    problems: ClassVar[Mapping[int, Problem]] = PROBLEMS
