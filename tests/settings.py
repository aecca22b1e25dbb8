"""Settings of the test run: the real ones, plus what makes tests fast and apart from each other.

`./dev test` gives DATABASE_URL and BROKER_URL; without them the services that `./dev services` left running are used.
"""

import json
import os
import tempfile
from pathlib import Path

_state = Path(__file__).resolve().parent.parent / ".tieout" / "services" / "state.json"
if "DATABASE_URL" not in os.environ and _state.exists():
    os.environ.update(json.loads(_state.read_text())["environment"])
# Reading settings needs no server: tests without a database run with these addresses, others fail saying so.
os.environ.setdefault("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/start-with-dev-test-or-dev-services")
os.environ.setdefault("BROKER_URL", "redis://127.0.0.1:1/0")
os.environ.setdefault(
    "SECRET_KEY", "for tests only, and long enough that no check complains about its length"
)
os.environ.setdefault("TIEOUT_HTTPS", "False")
os.environ.setdefault("LOG_LEVEL", "WARNING")

# One run has several processes (xdist's, Celery's), which inherit its name and its folder for files. Each of xdist's
# has its own queue, so that a worker takes only its own tests' tasks.
os.environ.setdefault("TIEOUT_TEST_RUN", str(os.getpid()))
os.environ["TIEOUT_QUEUE_PREFIX"] = (
    f"test-{os.environ['TIEOUT_TEST_RUN']}-{os.environ.get('PYTEST_XDIST_WORKER', 'master')}:"
)
storage = Path(tempfile.gettempdir(), f"tieout-test-storage-{os.environ['TIEOUT_TEST_RUN']}")
os.environ.setdefault("TIEOUT_STORAGE_ROOT", str(storage))

# A lost worker's task comes back soon enough for a test to see it.
os.environ.setdefault("TIEOUT_VISIBILITY_TIMEOUT_SECONDS", "3")
os.environ.setdefault("TIEOUT_LOST_AFTER_SECONDS", "3")

from config.settings import *  # noqa: E402, F403  (the environment above must stand first)

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the real one is slow by design
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
DATABASES["default"]["ENGINE"] = "tests.postgresql"  # noqa: F405  (empties tables faster, audit trail included)
CELERY_BROKER_TRANSPORT_OPTIONS |= {"unacked_restore_interval": 1}  # noqa: F405
CELERY_TASK_ROUTES = ["tests.tasks.queue_for"]
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}  # no test meets another's counts
