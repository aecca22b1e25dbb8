"""Cold start over planted books: seconds, what is proposed first, the precision stated and the true one. `./dev bench
cold_start [ROWS]`. Nothing is asserted here: tests do, on smaller books.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rules.engine.cold_start import Proposal, propose
from tests.rules.engine import planted
from tests.rules.engine.planted import Planted


def busy(size: int) -> Planted:
    return planted.busy_books(size, 11, prices=3_000, customers=max(size // 20, 10), fees=0.3, orphans=0.15)


BOOKS: dict[str, Callable[[int], Planted]] = {
    "clean reference": planted.clean_reference,
    "prefixed reference": planted.prefixed_reference,
    "batch ids": planted.batch_ids,
    "amount and text": planted.amount_and_text,
    "fees, late payers, orphans": busy,
    "noise": planted.noise,
    "noise with dated texts": planted.dated_noise,
}


def said(proposal: Proposal) -> str:
    return f"{proposal.body['cardinality']}: {json.dumps(proposal.body['filters']['rules'])}"


def main(size: int) -> None:
    for name, make in BOOKS.items():
        book = make(size)
        start = time.perf_counter()
        found = propose(book.a, book.b).proposals
        seconds = time.perf_counter() - start
        print(f"{name}: {book.a.height:,} × {book.b.height:,} in {seconds:.1f} s", flush=True)
        for proposal, (groups, right) in zip(found, book.judged(found), strict=True):
            print(f"    {said(proposal)}")
            print(
                f"    {proposal.rating}, stated {proposal.precision:.4f} (at least {proposal.lower_bound:.4f}),"
                f" true {right / groups:.4f} of {groups:,}; sample {proposal.sample_match_rate}"
            )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
