"""API sunsets: what vendors will switch off, with the date."""

from __future__ import annotations

from django.contrib import admin
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from integration.admin.core import html
from integration.admin.lists.system import Record
from integration.engine.clients import sunsets
from integration.models import VendorSunset


@admin.register(VendorSunset)
class SunsetAdmin(Record):
    """Written by the engine from the vendors' answers and calendars."""

    list_display = ("place", "vendor", "end", "standing", "source", "page", "seen")
    ordering = ("ends_at",)
    fields = ("place", "vendor", "end", "standing", "source", "page", "first_seen_at", "seen")
    readonly_fields = fields
    empty_text = _("No vendor has announced the end of a call that Lockstep makes.")

    @admin.display(description=_("Ends"), ordering="ends_at")
    def end(self, row: VendorSunset) -> str:
        """The date."""
        return date_format(row.ends_at, "j F Y") if row.ends_at else gettext("No date announced")

    @admin.display(description=_("State"))
    def standing(self, row: VendorSunset) -> html.Badge:
        """What it asks of an operator."""
        if not sunsets.in_use(timezone.now()).filter(pk=row.pk).exists():
            return html.Badge(html.GREY, "check_circle", gettext("Not called any more"))
        if row.ends_at and row.ends_at < timezone.now():
            return html.Badge(html.RED, "error", gettext("Past its end"))
        if sunsets.near(timezone.now()).filter(pk=row.pk).exists():
            return html.Badge(html.AMBER, "event", gettext("Update Lockstep before then"))
        return html.Badge(html.GREEN, "check_circle", gettext("More than half a year away"))

    @admin.display(description=_("Known from"))
    def source(self, row: VendorSunset) -> str:
        """Who says so."""
        return gettext("The vendor's calendar") if row.declared else gettext("The vendor's answers")

    @admin.display(description=_("The vendor's page"))
    def page(self, row: VendorSunset) -> html.Html | str:
        """A link the vendor gave."""
        if not row.link:
            return gettext("None given")
        return format_html('<a href="{}" rel="noreferrer noopener" target="_blank">{}</a>', row.link, row.link)

    @admin.display(description=_("Last called"), ordering="seen_at")
    def seen(self, row: VendorSunset) -> html.Html | str:
        """When an answer last said so."""
        return gettext("Used by every call") if row.declared else html.when(row.seen_at)
