"""Erased addresses: who was forgotten, by keyed hash, and which erasures were lifted and why. Only to look at."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from integration.admin.core import html
from integration.admin.core.base import BigTable
from integration.models import ErasedAddress


@admin.register(ErasedAddress)
class ErasedAddressAdmin(BigTable):
    """The tenant's owners erase and lift on the portal's People page."""

    list_display = ("code", "tenant", "erased", "lifted")
    list_select_related = ("tenant", "erased_by", "lifted_by")
    fields = ("code", "tenant", "erased", "erased_by", "lifted", "lifted_by", "lift_reason")
    search_fields = ()
    personal = True
    empty_text = _("Nobody has been erased. Owners erase a person on the portal's People page.")

    @admin.display(description=_("Code"))
    def code(self, row: ErasedAddress) -> str:
        """The first digits of the keyed hash."""
        return row.short

    @admin.display(description=_("Erased"))
    def erased(self, row: ErasedAddress) -> html.Html:
        """When."""
        return html.when(row.erased_at)

    @admin.display(description=_("Lifted"))
    def lifted(self, row: ErasedAddress) -> html.Html:
        """When, if it was."""
        return html.when(row.lifted_at)
