"""App configurations of the wiring: this project's own part, and Django admin with our site class."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class WiringConfig(AppConfig):
    name = "config"
    label = "config"
    default_auto_field = "django.db.models.BigAutoField"


class TieoutAdminConfig(AdminConfig):
    """Floors register on `django.contrib.admin.site`; this names the class behind it, so that none of them imports config."""

    default = False
    default_site = "config.admin_site.TieoutAdminSite"
