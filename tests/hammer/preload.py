"""Loaded once by multiprocessing's fork server, so that the hammer's processes begin with Django ready."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from tests.hammer import processes  # noqa: E402, F401  (after setup)
