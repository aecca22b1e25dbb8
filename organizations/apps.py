"""App configuration of organizations: the lowest floor, which imports no other."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OrganizationsConfig(AppConfig):
    name = "organizations"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Organization")
