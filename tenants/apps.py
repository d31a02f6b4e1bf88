"""The tenants app: customer accounts and the people who act for them."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TenantsConfig(AppConfig):
    """Customer accounts, members and who may see what. Imports nothing of `integration`."""

    name = "tenants"
    verbose_name = _("Tenants")
