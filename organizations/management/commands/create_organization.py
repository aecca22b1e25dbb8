"""`manage.py create_organization NAME --owner EMAIL`: a tenant with its first admin."""

from __future__ import annotations

import secrets
from argparse import ArgumentParser
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from organizations.acts import perform
from organizations.models import Membership, Organization, User
from organizations.refusals import Refusal
from organizations.services import members, tenants
from organizations.states import Role

BY = "system:create_organization"


class Command(BaseCommand):
    help = "Make an organization and its first admin. A new user gets a password, printed once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="What people will call it.")
        parser.add_argument("--owner", required=True, metavar="EMAIL", help="Who becomes its first admin.")
        parser.add_argument(
            "--time-zone", default="UTC", help="Where its business day begins, like Europe/Berlin."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        password = secrets.token_urlsafe(12)
        found = members.user_find(options["owner"]) is not None
        make = partial(
            organization_with_owner, options["name"], options["owner"], options["time_zone"], password
        )
        try:
            organization, _owner = perform(make)
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal
        self.stdout.write(f"Organization {organization.name} ({organization.uuid}) is ready.")
        if found:
            self.stdout.write(f"{options['owner']} signs in with the password they have.")
        else:
            self.stdout.write(f"{options['owner']} signs in with the password {password}")
            self.stdout.write("It is shown only now; change it after signing in.")


def organization_with_owner(
    name: str, email: str, time_zone: str, password: str
) -> tuple[Organization, Membership]:
    """One act: the organization, its owner (made where there is no such user) and the owner's membership."""
    now = timezone.now()
    organization = tenants.organization_create(name=name, time_zone=time_zone, by=BY, at=now)
    owner: User | None = members.user_find(email)
    if owner is None:
        owner = members.user_create(
            email=email, password=password, organization_id=organization.pk, by=BY, at=now
        )
    membership = members.member_add(organization=organization, user=owner, role=Role.ADMIN, by=BY, at=now)
    return organization, membership
