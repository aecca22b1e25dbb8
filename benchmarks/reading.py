"""Reading statement files, without a database: camt.053 beside a bare `lxml.iterparse` pass, CSV, and attacks of the
samples, each in a process of its own. `./dev bench reading [ENTRIES] [--runs N]`.

Nothing is asserted. Megabytes are the peak over what the process held before it opened the file.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.shared.books import DAY_0, DAYS, csv_of, payments

READING = Path(__file__).parent / "shared" / "reading.py"
HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr><MsgId>M1</MsgId>
<CreDtTm>2026-03-31T21:00:00+01:00</CreDtTm></GrpHdr><Stmt><Id>S1</Id><ElctrncSeqNb>1</ElctrncSeqNb>
<CreDtTm>2026-03-31T21:00:00+01:00</CreDtTm><Acct><Id><IBAN>CH9300762011623852957</IBAN></Id><Ccy>EUR</Ccy></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">0.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<Dt><Dt>2026-01-01</Dt></Dt></Bal>
"""
ENTRY = """<Ntry><NtryRef>{no}</NtryRef><Amt Ccy="EUR">{major}.{minor:02}</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt><AcctSvcrRef>BANK{no}</AcctSvcrRef>
<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>
<NtryDtls><TxDtls><Refs><EndToEndId>INV-{no:07}</EndToEndId></Refs><Amt Ccy="EUR">{major}.{minor:02}</Amt>
<RltdPties><Dbtr><Pty><Nm>Customer {no}</Nm></Pty></Dbtr></RltdPties>
<RmtInf><Ustrd>Transfer INV-{no:07}, with our thanks</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
"""
FOOT = """<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{major}.{minor:02}</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-03-31</Dt></Dt></Bal></Stmt></BkToCstmrStmt></Document>
"""


def write_camt(path: Path, entries: int) -> None:
    total = 0
    with path.open("w") as file:
        file.write(HEAD)
        for no in range(entries):
            amount = 100 + no * 7919 % 500_000
            total += amount
            day = DAY_0 + timedelta(days=no * DAYS // entries)
            file.write(ENTRY.format(no=no, major=amount // 100, minor=amount % 100, day=day))
        file.write(FOOT.format(major=total // 100, minor=total % 100))


def measured(what: str, path: Path, runs: int = 1) -> dict[str, Any]:
    """The quickest of so many."""
    command = [sys.executable, str(READING), what, str(path)]
    answers = [
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        for _ in range(runs)
    ]
    return min(answers, key=lambda answer: float(answer["seconds"]))


def show(name: str, answer: dict[str, Any], more: str = "") -> None:
    print(
        f"  {name:<52}{answer['seconds']:>8.2f} s {answer['mb']:>7.0f} MB   {answer['found']}{more}",
        flush=True,
    )


def camt(folder: Path, entries: int, runs: int) -> None:
    small, large = folder / "small.xml", folder / "large.xml"
    write_camt(small, entries // 10)
    write_camt(large, entries)
    print(f"camt.053, {entries:,} entries ({large.stat().st_size / 2**20:,.0f} MB), the best of {runs}:")
    ours, bare = measured("read", large, runs), measured("every_element", large, runs)
    alone = measured("entries_alone", large, runs)
    show("read", ours)
    show("read, a tenth of it", measured("read", small))
    show("bare iterparse, every element", bare, f"   ratio {ours['seconds'] / bare['seconds']:.2f}")
    show("bare iterparse, entries only", alone, f"   ratio {ours['seconds'] / alone['seconds']:.2f}")


def csv(folder: Path, lines: int) -> None:
    path = folder / "lines.csv"
    path.write_bytes(csv_of(payments(lines)))
    print(f"CSV, {lines:,} lines ({path.stat().st_size / 2**20:,.0f} MB):")
    show("read", measured("read", path))


def attacks(samples: Path) -> None:
    files = list(_malformed(samples))
    answers = {path: measured("read", path) for path in files}
    print(f"malformed files of the samples, {len(files)}:")
    for word, key in (("slowest", "seconds"), ("largest", "mb")):
        path = max(answers, key=lambda path: float(answers[path][key]))
        show(f"{word}: {path.name}", answers[path])


def _malformed(samples: Path) -> Iterator[Path]:
    for entry in json.loads((samples / "malformed.json").read_text()):
        yield samples / entry["file"]


def read_all(entries: int, runs: int) -> None:
    with TemporaryDirectory(prefix="tieout-bench-") as name:
        camt(Path(name), entries, runs)
        csv(Path(name), 5 * entries)
    if samples := os.environ.get("TIEOUT_SAMPLES"):
        attacks(Path(samples))


def main() -> None:
    asked = argparse.ArgumentParser(prog="./dev bench reading", description=__doc__)
    asked.add_argument("entries", nargs="?", type=int, default=200_000)
    asked.add_argument("--runs", type=int, default=3)
    chosen = asked.parse_args()
    read_all(chosen.entries, chosen.runs)


if __name__ == "__main__":
    main()
