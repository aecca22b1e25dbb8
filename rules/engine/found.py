"""What a one-to-one rule found: pairs of rows and how it went. Made by both candidate paths, joined by `one_to_one`."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from rules.engine.confidence import Evidence, joined_evidence
from rules.engine.sides import Ints

NONE: Ints = np.zeros(0, np.int64)


class TooBroad(Exception):
    """A rule would make more candidate pairs than its budget; carries how many."""

    def __init__(self, candidates: int) -> None:
        super().__init__(f"{candidates:,} candidate pairs")
        self.candidates = candidates


@dataclass(frozen=True, slots=True)
class Found:
    """Pairs as rows of the two sides.

    `ambiguous`: Side A rows left open because no partner was certain. `proven`: the cost is the least there is; false
    where a component was too big for an exact method. `evidence`: filled once the path is done.
    """

    a: Ints = field(default_factory=NONE.copy)
    b: Ints = field(default_factory=NONE.copy)
    ambiguous: Ints = field(default_factory=NONE.copy)
    candidates: int = 0
    proven: bool = True
    evidence: Evidence = field(default_factory=Evidence)


def joined(parts: list[Found]) -> Found:
    """Several finds over different records as one."""
    return Found(
        np.concatenate([part.a for part in parts] or [NONE]),
        np.concatenate([part.b for part in parts] or [NONE]),
        np.concatenate([part.ambiguous for part in parts] or [NONE]),
        sum(part.candidates for part in parts),
        all(part.proven for part in parts),
        joined_evidence([part.evidence for part in parts]),
    )
