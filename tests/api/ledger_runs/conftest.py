"""A desk to work at, and tasks that run where they are rung, right after the act is committed."""

import pytest
from celery import current_app

from organizations.models import Organization
from tests.api.callers import client_with_key
from tests.api.ledger_runs.desk import Desk
from tests.factories.organizations import ApiKeyFactory


@pytest.fixture
def desk(client) -> Desk:
    return Desk(client)


@pytest.fixture
def other_desk(db) -> Desk:
    """A desk in another organization."""
    return Desk(client_with_key(ApiKeyFactory()))


@pytest.fixture
def tasks_at_once(transactional_db):
    """Celery's own switch: `delay` runs the task here and now. The worker's own way is tested with `worker`."""
    before = current_app.conf.task_always_eager
    current_app.conf.task_always_eager = True
    yield
    current_app.conf.task_always_eager = before


@pytest.fixture
def organization_row(organization) -> Organization:
    return organization
