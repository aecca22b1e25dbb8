"""Fixtures and hooks of the whole suite: real PostgreSQL, one Celery worker where a test asks for it."""

from collections.abc import Iterator

import pytest

from tests import databases


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker, worker_id: str) -> Iterator[None]:
    """Replaces pytest-django's: a copy of a migrated template instead of migrating in every process."""
    with django_db_blocker.unblock(), databases.cloned_database(worker_id):
        yield
