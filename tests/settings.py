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
# Reading settings needs no server; tests without a database run with this address, others fail saying so.
os.environ.setdefault("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/start-with-dev-test-or-dev-services")
os.environ.setdefault("BROKER_URL", "redis://127.0.0.1:1/0")
os.environ.setdefault(
    "SECRET_KEY", "for tests only, and long enough that no check complains about its length"
)
os.environ.setdefault("TIEOUT_STORAGE_ROOT", tempfile.mkdtemp(prefix="tieout-test-storage-"))
os.environ.setdefault("TIEOUT_HTTPS", "False")
os.environ.setdefault("LOG_LEVEL", "WARNING")

from config.settings import *  # noqa: E402, F403  (the environment above must stand first)

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the real one is slow by design
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
DATABASES["default"]["ENGINE"] = "tests.postgresql"  # noqa: F405  (empties tables faster, audit trail included)
