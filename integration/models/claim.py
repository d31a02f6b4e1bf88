"""Claims: an administrator at a vendor connects an account that another customer here holds as well."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integration.connectors.registry import connector_choices
from tenants.models import Tenant
from tenants.personal import mask


class ClaimState(models.TextChoices):
    """What became of it. Open: another administrator's consent stands against it, so an operator decides."""

    CONNECTED = "connected", _("Connected")
    OPEN = "open", _("Waits for a decision")
    GRANTED = "granted", _("Granted")
    REFUSED = "refused", _("Refused")


class AccountClaim(models.Model):
    """One administrator's claim to an account. The proof is the vendor's: its ids of the account and of the person."""

    vendor = models.CharField(verbose_name=_("vendor"), max_length=30, choices=connector_choices)
    account_id = models.CharField(max_length=100)
    account_name = models.CharField(max_length=200)
    vendor_user_id = models.CharField(max_length=100)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="account_claims")
    tenant = models.ForeignKey(
        Tenant, verbose_name=_("tenant"), on_delete=models.CASCADE, null=True, related_name="account_claims"
    )
    state = models.CharField(max_length=10, choices=ClaimState.choices)
    made_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        verbose_name = _("account claim")
        verbose_name_plural = _("account claims")
        constraints = (
            models.UniqueConstraint(
                fields=("vendor", "account_id", "user"), condition=models.Q(state="open"), name="one_open_claim_each"
            ),
        )
        indexes = (models.Index(fields=("vendor", "account_id"), name="claim_by_account"),)

    def __str__(self) -> str:
        return f"{mask(self.account_name)} at {self.get_vendor_display()}"
