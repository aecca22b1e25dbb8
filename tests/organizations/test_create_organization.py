"""`manage.py create_organization`: a tenant and its first admin, or nothing."""

import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from organizations.models import AuditEvent, Membership, Organization, User
from tests.factories.organizations import UserFactory

pytestmark = pytest.mark.django_db


def create(*args: str) -> str:
    out = StringIO()
    call_command("create_organization", *args, stdout=out)
    return out.getvalue()


def test_a_new_owner_signs_in_with_the_printed_password():
    said = create("Acme Books", "--owner", "anna@example.com", "--time-zone", "Europe/Berlin")
    membership = Membership.objects.select_related("user", "organization").get()
    password = re.search(r"with the password (\S+)", said).group(1)
    assert membership.user.check_password(password)
    assert (membership.role, membership.organization.time_zone) == ("admin", "Europe/Berlin")
    assert str(membership.organization.uuid) in said
    assert set(AuditEvent.objects.values_list("actor", flat=True)) == {"system:create_organization"}


def test_a_known_owner_keeps_their_password():
    user = UserFactory(email="anna@example.com")
    said = create("Acme", "--owner", "Anna@Example.com")
    assert "password they have" in said
    assert Membership.objects.get().user == user
    assert User.objects.get().check_password("correct horse battery")


@pytest.mark.parametrize(
    "args",
    [("Acme", "--owner", "not an address"), ("Acme", "--owner", "a@example.com", "--time-zone", "Mars")],
)
def test_a_refused_part_leaves_nothing(args):
    with pytest.raises(CommandError):
        create(*args)
    assert not Organization.objects.exists()
    assert not User.objects.exists()


def test_the_same_name_twice_is_refused():
    create("Acme", "--owner", "anna@example.com")
    with pytest.raises(CommandError, match="already"):
        create("Acme", "--owner", "ben@example.com")
    assert User.objects.count() == 1
