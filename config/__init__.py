"""The wiring: settings, URLs, Celery, the admin site. Nothing below imports it."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
