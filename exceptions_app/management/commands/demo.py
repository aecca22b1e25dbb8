"""`manage.py demo`: a demo organization with a month of books and bank files, matched, and the table of what agreed."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from exceptions_app.demo import overdue
from organizations.refusals import Refusal
from reconciliation.demo import loading, own_files
from reconciliation.demo.loading import EMAIL, Tenant
from reconciliation.demo.matching import NotMatched
from reconciliation.demo.play import play


class Command(BaseCommand):
    help = (
        "Load the demo organization (books and statement files of March 2026 with planted faults), match it, and print "
        "what agreed and what did not; exits 1 when something planted was not found. A second call only prints it again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--import",
            nargs="+",
            type=Path,
            default=[],
            dest="statements",
            metavar="FILE",
            help="Your own statement files (camt.053 or CSV): each account gets a ledger in the demo organization.",
        )
        parser.add_argument(
            "--import-entries",
            type=Path,
            dest="books",
            metavar="FILE",
            help="Your own books (CSV): they go to the ledger of your statement files.",
        )
        parser.add_argument(
            "--wait",
            type=float,
            default=settings.MATCH_WAIT_SECONDS,
            metavar="SECONDS",
            help="How long to wait for a worker before matching in this process (default %(default)s).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            tenant = loading.tenant(clock=timezone.now)
            self._play(tenant, options["wait"])
            failed = self._take_own_files(tenant, options)
        except NotMatched as error:
            raise CommandError(str(error)) from error
        except Refusal as refusal:
            raise CommandError("\n".join(own_files.refusal_lines("Refused", refusal))) from refusal
        self._say_login(tenant)
        if failed:
            raise CommandError("Not every file could be taken: see above.")

    def _play(self, tenant: Tenant, wait: float) -> None:
        if not tenant.is_new:
            self.stdout.write("The demo organization is there already; what is missing of it is added.")
        result = play(by=tenant.by, wait=wait, clock=timezone.now, say=self._say, also=[overdue.part])
        self.stdout.write(f"\n{result.text}\n")
        if result.verdict.differences and result.is_new:
            raise CommandError("The demo did not find what was planted: see “Not as planned” above.")
        if result.verdict.differences:
            self.stdout.write("It was loaded earlier and worked on since, so it need not be as planned.")

    def _take_own_files(self, tenant: Tenant, options: dict[str, Any]) -> bool:
        """Whether a file was refused."""
        if not options["statements"] and options["books"] is None:
            return False
        own = own_files.take_in(
            options["statements"],
            options["books"],
            wait=options["wait"],
            by=tenant.by,
            clock=timezone.now,
            say=self._say,
        )
        self.stdout.write(f"\n{own_files.text(own)}\n")
        return own.failed

    def _say_login(self, tenant: Tenant) -> None:
        if tenant.password:
            self.stdout.write(f"Sign in at /admin/ as {EMAIL} with the password {tenant.password}")
        else:
            self.stdout.write(
                f"Sign in at /admin/ as {EMAIL} with the password that the first call printed"
                f" (a new one: manage.py changepassword {EMAIL})."
            )
        if tenant.api_key:
            self.stdout.write(f"API key, shown only now: {tenant.api_key}")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
