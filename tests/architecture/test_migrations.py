"""Migrations are complete, named by hand, and have a way back."""

import re

import pytest
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader

from tests.architecture.source import FLOORS

OURS = [m for (app, _name), m in MigrationLoader(None).disk_migrations.items() if app in FLOORS]
every_migration = pytest.mark.parametrize("migration", OURS, ids=str)


@pytest.mark.django_db
def test_models_and_migrations_say_the_same():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@every_migration
def test_its_name_says_what_it_does(migration):
    assert not re.search(r"auto_\d|^\d+_[a-z]+_[a-z]+_and_more$|and_more$", migration.name)


@every_migration
def test_it_can_be_undone_or_says_that_there_is_nothing_to_undo(migration):
    assert all(operation.reversible for operation in migration.operations)


@every_migration
def test_it_depends_on_the_same_or_lower_floors(migration):
    for app, _name in migration.dependencies:
        if app in FLOORS:
            assert FLOORS.index(app) <= FLOORS.index(migration.app_label), (
                f"depends on {app}, which stands higher"
            )
