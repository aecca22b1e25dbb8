"""Test databases: one migrated template per set of migrations, cloned for each test process. Called by conftest.py."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django
import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from psycopg import sql

from tests.postgresql.base import DatabaseOperations

TEMPLATE_PREFIX = "tieout_template_"
MIGRATE_LOCK = 7_240_031  # any number that nothing else uses as an advisory lock in the maintenance database


def migrations_digest() -> str:
    """Changes when any migration of ours, or Django itself, changes."""
    digest = hashlib.sha256(django.__version__.encode())
    for path in sorted(settings.BASE_DIR.glob("*/migrations/*.py")):
        digest.update(str(path.relative_to(settings.BASE_DIR)).encode() + path.read_bytes())
    for path in sorted(Path(settings.BASE_DIR).glob("requirements*.lock")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def maintenance_connection() -> psycopg.Connection:
    params = connections["default"].get_connection_params()
    names = ("user", "password", "host", "port")
    return psycopg.connect(**{n: params[n] for n in names if n in params}, dbname="postgres", autocommit=True)


def database_name(worker: str) -> str:
    return f"tieout_test_{os.environ['TIEOUT_TEST_RUN']}_{worker}"


def _exists(server: psycopg.Connection, name: str) -> bool:
    return server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None


@contextmanager
def one_at_a_time(server: psycopg.Connection) -> Iterator[None]:
    server.execute("SELECT pg_advisory_lock(%s)", [MIGRATE_LOCK])
    try:
        yield
    finally:
        server.execute("SELECT pg_advisory_unlock(%s)", [MIGRATE_LOCK])


def ensure_template(server: psycopg.Connection) -> str:
    """The migrated template's name; made by whoever comes first, in place of what older migrations made."""
    name = TEMPLATE_PREFIX + migrations_digest()
    if not _exists(server, name):
        for (old,) in server.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{TEMPLATE_PREFIX}%"]
        ):
            _drop(server, old)
        building = f"{name}_building"
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(building)))
        with pointed_at(building):
            call_command("migrate", interactive=False, verbosity=0)
        server.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(building), sql.Identifier(name))
        )
    return name


def _drop(server: psycopg.Connection, name: str) -> None:
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def pointed_at(name: str) -> Iterator[None]:
    """Django's default connection uses this database for the duration."""
    connection = connections["default"]
    before = connection.settings_dict["NAME"]
    connection.close()
    settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = before


def keep_what_migrations_filled() -> None:
    """Tables with rows before the first test (content types, say) stay as they are between tests."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        probe = sql.SQL("SELECT EXISTS (SELECT FROM {})")
        filled = [t for t in tables if cursor.execute(probe.format(sql.Identifier(t))).fetchone()[0]]
    DatabaseOperations.kept_tables = frozenset(filled)


@contextmanager
def cloned_database(worker: str) -> Iterator[str]:
    """A fresh copy of the template for one test process, dropped at the end."""
    name = database_name(worker)
    with maintenance_connection() as server, one_at_a_time(server):
        template = ensure_template(server)
        _drop(server, name)
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        server.execute(copy.format(sql.Identifier(name), sql.Identifier(template)))
    try:
        with pointed_at(name):
            keep_what_migrations_filled()
            yield name
    finally:
        with maintenance_connection() as server:
            _drop(server, name)
