"""A browser of an operator on the worked example's run, and a real Chromium for the tests marked `browser`."""

from pathlib import Path

import pytest

from organizations.actors import user_actor
from tests.organizations.backoffice.people import signed_in
from tests.reconciliation.admin.desk import Desk
from tests.reconciliation.books import STATEMENT, books
from tests.reconciliation.streams import Feeds

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]


@pytest.fixture
def person():
    """An admin's browser and membership."""
    return signed_in("admin")


@pytest.fixture
def client(person):
    return person[0]


@pytest.fixture
def feeds(person) -> Feeds:
    """Streams and reconciliations of that admin's organization."""
    return Feeds(user_actor(person[1].user, person[1]))


@pytest.fixture
def desk() -> Desk:
    """An operator's browser; the example's entries are posted and a run is open, without a file."""
    client, membership = signed_in("operator")
    return Desk(client, membership, books(user_actor(membership.user, membership)))


@pytest.fixture
def proposed(desk: Desk) -> Desk:
    """The example's statement is in and matched: four proposals, two lines left (see the contract's worked example)."""
    desk.books.upload(STATEMENT)
    desk.books.auto_match()
    return desk


@pytest.fixture(scope="module")
def chromium():
    """A real browser. Its driver runs a loop in this thread, which Django takes for a server's: hence the variable."""
    if not CHROMIUM.exists():
        pytest.skip(f"needs {CHROMIUM}: install Debian's package chromium")
    from playwright.sync_api import sync_playwright

    with pytest.MonkeyPatch.context() as patch, sync_playwright() as driver:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
