"""An operator's streams in the callers' organization."""

from __future__ import annotations

import pytest

from tests.factories.organizations import actor_with
from tests.reconciliation.streams import Feeds


@pytest.fixture
def feeds(organization) -> Feeds:
    return Feeds(actor_with("admin", organization=organization))
