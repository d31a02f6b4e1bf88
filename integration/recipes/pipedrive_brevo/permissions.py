"""What this recipe is permitted to do at both vendors, and what for."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from integration.engine.api import NeededPermission

PERMISSIONS = {
    "left": (
        NeededPermission("base", _("Pipedrive asks it of every app.")),
        NeededPermission("contacts:full", _("Reads people with their organizations, writes what changes in Brevo.")),
        NeededPermission("contact-fields:full", _("Makes the fields that show opt-outs.")),
        NeededPermission("deals:read", _("Reads deals for lists, figures and events.")),
        NeededPermission("activities:read", _("Reads activities for events.")),
        NeededPermission("leads:read", _("Reads leads for lists.")),
        NeededPermission("users:read", _("Reads the names of owners.")),
        NeededPermission("webhooks:full", _("Creates webhooks, so that changes arrive at once.")),
        NeededPermission("admin", _("Creates webhooks too: Pipedrive's documents name two permissions for them.")),
    ),
    "right": (
        NeededPermission(
            "API key",
            _(
                "A Brevo key opens the whole account. Lockstep reads and writes contacts, lists, attributes, "
                "companies, events, imports and marketing webhooks, and sends no campaign."
            ),
        ),
    ),
}
