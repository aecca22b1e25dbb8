"""Nothing that `./dev` starts outlives it: not after Ctrl-C, SIGTERM, a failed start, nor after its own sudden death."""

import json
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from tests.devtools.runs import running

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc"),
    pytest.mark.slow,
]


@pytest.fixture
def state() -> Iterator[Path]:
    """A folder for what a run leaves; pytest's own are closed to the account that PostgreSQL runs as."""
    folder = Path(tempfile.mkdtemp(prefix="tieout-test-state-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


def test_nothing_of_the_whole_application_is_left_after_a_signal(state):
    with running("serve", "--port", "0", state=state) as run:
        run.read_until("Tieout runs at http://127.0.0.1:")
        commands = " ".join(run.left_running().values())
        for part in ("bin/postgres", "valkey-server", "gunicorn", " worker ", " beat ", "watchdog"):
            assert part in commands, f"{part} should run"
        run.process.send_signal(signal.SIGTERM)
        code, output = run.end()
        assert code == 128 + signal.SIGTERM, output
        run.wait_until_nothing_is_left(seconds=2)


def test_ctrl_c_ends_it_well_and_leaves_nothing(state):
    with running(state=state, command=("-c", TWO_SERVICES)) as run:
        run.read_until("started")
        run.process.send_signal(signal.SIGINT)
        code, output = run.end()
        assert (code, output) == (0, "")
        run.wait_until_nothing_is_left(seconds=2)


def test_nothing_is_left_when_dev_itself_is_killed(state):
    with running(state=state, command=("-c", TWO_SERVICES)) as run:
        run.read_until("started")
        assert len(run.left_running()) >= 3
        run.process.kill()
        run.wait_until_nothing_is_left(seconds=15)


TWO_SERVICES = """
import pathlib, sys
from devtools import commands
from devtools.processes import Stage
from devtools.services import services

def serve(rest):
    with Stage() as stage:
        services(stage, pathlib.Path(sys.executable), "some run", durable=False)
        print("started", flush=True)
        stage.wait()

commands.COMMANDS["serve"] = serve
sys.exit(commands.main(["serve"]))
"""


def test_nothing_is_left_after_a_failed_start(state):
    nowhere = "postgresql://nobody:x@127.0.0.1:1/nothing"
    with running("serve", state=state, DATABASE_URL=nowhere) as run:
        code, output = run.end()
        assert code == 1
        assert "The database could not be migrated" in output
        assert "valkey" in {path.name for path in (state / "serve").iterdir()}, "the broker had been started"
        run.wait_until_nothing_is_left(seconds=2)


def test_services_stay_until_they_are_stopped(state):
    with running("services", state=state) as run:
        code, output = run.end()
        assert code == 0, output
        addresses = json.loads((state / "services" / "state.json").read_text())["environment"]
        with psycopg.connect(addresses["DATABASE_URL"]) as database:
            assert database.execute("SELECT 1").fetchone() == (1,)
        with redis.Redis.from_url(addresses["BROKER_URL"]) as broker:
            assert broker.ping()
        with running("services", state=state) as again:
            assert again.end() == (0, output)
        with running("services", "stop", state=state) as stop:
            assert stop.end()[0] == 0
        run.wait_until_nothing_is_left(seconds=5)
        assert not (state / "services").exists()


def test_a_second_demo_in_the_same_checkout_is_refused(state):
    with running(state=state, command=("-c", HOLD_THE_LOCK)) as first:
        first.read_until("held")
        with running("demo", "--once", state=state) as second:
            code, output = second.end()
    assert code == 1
    assert "already running" in output


HOLD_THE_LOCK = """
import signal
from devtools import STATE
from devtools.processes import exclusive
with exclusive(STATE / "demo.lock", "./dev demo"):
    print("held", flush=True)
    signal.pause()
"""


def test_only_password_holders_reach_the_services(state):
    with running("services", state=state) as run:
        assert run.end()[0] == 0
        addresses = json.loads((state / "services" / "state.json").read_text())["environment"]
        port = addresses["DATABASE_URL"].rsplit(":", 1)[1]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(f"postgresql://tieout:guess@127.0.0.1:{port}")
        port = addresses["BROKER_URL"].rsplit(":", 1)[1].split("/")[0]
        with redis.Redis(port=int(port), retry=None) as broker, pytest.raises(redis.AuthenticationError):
            broker.ping()
        for secret in state.rglob("*"):
            if secret.is_file() and any(p.encode() in secret.read_bytes() for p in passwords(addresses)):
                assert secret.stat().st_mode & 0o077 == 0, f"{secret} shows a password to others"


def passwords(addresses: dict[str, str]) -> list[str]:
    return [url.split("@")[0].rsplit(":", 1)[1] for url in addresses.values()]
