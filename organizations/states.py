"""Roles of members. (Roles are not steps: any role may become any other.)"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from organizations import scopes


class Role(models.TextChoices):
    VIEWER = scopes.VIEWER, _("Viewer")
    OPERATOR = scopes.OPERATOR, _("Operator")
    APPROVER = scopes.APPROVER, _("Approver")
    ADMIN = scopes.ADMIN, _("Admin")
