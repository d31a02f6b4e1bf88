"""What this recipe is permitted to do at both vendors, and what for."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from integration.engine.api import NeededPermission

PERMISSIONS = {
    "left": (
        NeededPermission("base", _("Pipedrive asks it of every app.")),
        NeededPermission("contacts:full", _("Reads people with their organizations, writes the Newsletter status.")),
        NeededPermission("contact-fields:full", _("Makes the fields Newsletter and Newsletter status.")),
        NeededPermission("deals:read", _("Reads deals, for contact events and for the people of new deals.")),
        NeededPermission("users:read", _("Reads the names of owners.")),
        NeededPermission("webhooks:full", _("Creates webhooks, so that changes arrive at once.")),
        NeededPermission("admin", _("Creates webhooks too: Pipedrive's documents name two permissions for them.")),
    ),
    "right": (
        NeededPermission(
            "GET, POST, PUT and DELETE",
            _(
                "A Maileon key knows no finer rights. Lockstep reads, makes, changes and unsubscribes contacts, makes"
                " contact fields, webhooks and contact events, and reads the reports of opt-ins and opt-outs."
            ),
        ),
    ),
}
