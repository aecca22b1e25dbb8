"""An act stands even where nobody can be rung for it."""

import pytest
from celery import Celery

from reconciliation.doorbell import ring


def test_a_broker_that_is_away_does_not_undo_the_act(caplog: pytest.LogCaptureFixture) -> None:
    away = Celery("away", broker="redis://127.0.0.1:1/0", set_as_current=False)
    away.conf.broker_transport_options = {"socket_connect_timeout": 1}

    @away.task(name="away")
    def execute(*, pass_id: int) -> None: ...

    ring(execute, pass_id=1)

    assert "the sweeper will ring" in caplog.text
