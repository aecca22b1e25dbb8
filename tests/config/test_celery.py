"""What background work relies on: a killed worker's tasks come back within seconds, JSON only, one message at a time."""

import uuid

import pytest
from django.conf import settings

from config.celery import app
from tests import tasks
from tests.workers import Worker, wait_for


def held_task() -> tuple[str, tasks.redis.Redis]:
    """A task that waits inside the worker until its `go` key is pushed; its key names' stem, and the keys."""
    name = f"{settings.CELERY_BROKER_TRANSPORT_OPTIONS['global_keyprefix']}{uuid.uuid4()}"
    tasks.hold.delay(name=name)
    return name, tasks.broker()


def count(keys: tasks.redis.Redis, key: str) -> int:
    return int(keys.get(key) or 0)


@pytest.mark.worker
def test_the_task_of_a_killed_worker_comes_back_within_seconds(worker: Worker):
    name, keys = held_task()
    wait_for(lambda: count(keys, f"{name}:begun") == 1, seconds=10, what="the task has begun")
    worker.kill()
    worker.start()
    wait_for(lambda: count(keys, f"{name}:begun") == 2, seconds=10, what="another worker has begun it again")
    keys.rpush(f"{name}:go", "go")
    wait_for(lambda: count(keys, f"{name}:ended") == 1, seconds=10, what="it has ended")
    keys.close()


@pytest.mark.worker
def test_a_task_that_ends_in_time_is_not_done_twice(worker: Worker):
    name, keys = held_task()
    keys.rpush(f"{name}:go", "go")
    wait_for(lambda: count(keys, f"{name}:ended") == 1, seconds=10, what="it has ended")
    worker.wait_until_idle()
    assert count(keys, f"{name}:begun") == 1
    keys.close()


def test_redelivery_is_a_matter_of_seconds():
    options = app.conf.broker_transport_options
    assert options["unacked_restore_throttle"] == 1, (
        "kombu's default looks for lost messages at every tenth look"
    )
    assert options["unacked_mutex_expire"] <= 10, (
        "a worker that dies while looking holds up the others this long"
    )
    assert app.conf.task_acks_late
    assert app.conf.task_reject_on_worker_lost


def test_a_worker_takes_one_message_at_a_time_and_only_json():
    assert app.conf.worker_prefetch_multiplier == 1
    assert app.conf.accept_content == ["json"]
    assert app.conf.task_serializer == "json"


def test_every_scheduled_task_exists():
    app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert scheduled <= set(app.tasks), f"beat would send what no worker knows: {scheduled - set(app.tasks)}"


def test_without_the_fixture_nobody_hears_what_a_test_rings_for():
    assert app.amqp.router.route({}, tasks.hold.name)["queue"].name == "unheard"


@pytest.mark.worker
def test_with_the_fixture_the_worker_hears_it(worker: Worker):
    assert app.amqp.router.route({}, tasks.hold.name)["queue"].name == "celery"
