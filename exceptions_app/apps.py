"""Registers the exceptions_app app with Django."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ExceptionsConfig(AppConfig):
    name = "exceptions_app"
    verbose_name = _("Exceptions")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Its checks join those of the floors below, which know nothing of it."""
        from exceptions_app.selectors import integrity
        from reconciliation.selectors.integrity import CHECKS

        CHECKS.update(integrity.CHECKS)
