"""`manage.py check_integrity`: proves the clearing invariant by plain SQL; exits 1 with the rows at fault."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from reconciliation.selectors.integrity import CHECKS, faults, open_sums


class Command(BaseCommand):
    help = "Prove that every record is covered, open or closed exactly once; lists the rows at fault and exits 1."

    def handle(self, *args: Any, **options: Any) -> None:
        found = faults()
        for fault in found:
            self.stderr.write(str(fault))
        if found:
            raise CommandError(f"{len(found)} rows at fault.")
        for reconciliation, stream, side, currency, count, total, closed in open_sums():
            self.stdout.write(
                f"{reconciliation} · {stream} (side {side.upper()}, {currency}): {count} open, sum {total}, {closed} closed"
            )
        self.stdout.write(self.style.SUCCESS(f"{len(CHECKS)} checks, nothing at fault."))
