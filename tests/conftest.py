"""Fixtures and hooks of the whole suite: real PostgreSQL, and one real Celery worker where a test asks for it."""

import os
import shutil
from collections.abc import Iterator

import hypothesis
import pytest

from tests import databases, settings, tasks
from tests.workers import Worker

# How long an example takes says nothing of the rule; a busy machine is no failure.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that need the worker share one process, and so one worker and one database."""
    for item in items:
        if item.get_closest_marker("worker"):
            item.add_marker(pytest.mark.xdist_group("worker"))


def pytest_unconfigure() -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:  # the last of the run's processes
        shutil.rmtree(settings.storage, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker, worker_id: str) -> Iterator[None]:
    """Replaces pytest-django's: a copy of a migrated template instead of migrating in every process."""
    with django_db_blocker.unblock(), databases.cloned_database(worker_id):
        yield


@pytest.fixture(scope="session")
def worker_process(django_db_setup: None, django_db_blocker) -> Iterator[Worker]:
    worker = Worker()
    try:
        worker.forget()
        with django_db_blocker.unblock():
            worker.start()
        yield worker
    finally:
        worker.stop()


@pytest.fixture
def worker(
    request: pytest.FixtureRequest, transactional_db: None, worker_process: Worker
) -> Iterator[Worker]:
    """A running Celery worker on this test's database. It has nothing left to do when the next test begins."""
    assert request.node.get_closest_marker("worker"), (
        "mark a test that uses `worker` with @pytest.mark.worker"
    )
    if not worker_process.is_alive():
        worker_process.start()  # an earlier test killed it
    worker_process.wait_until_idle()
    tasks.heard = True
    yield worker_process
    tasks.heard = False
    if not worker_process.is_alive():
        worker_process.forget()
    worker_process.wait_until_idle()
