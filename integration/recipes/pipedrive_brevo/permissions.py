"""What this recipe is permitted to do at both vendors, and what for."""

from __future__ import annotations

from integration.engine.api import NeededPermission

PERMISSIONS = {
    "left": (
        NeededPermission("base", "Pipedrive asks it of every app."),
        NeededPermission("contacts:full", "Reads people with their organizations, writes what changes in Brevo."),
        NeededPermission("contact-fields:full", "Makes the fields that show opt-outs."),
        NeededPermission("deals:read", "Reads deals for lists, figures and events."),
        NeededPermission("activities:read", "Reads activities for events."),
        NeededPermission("leads:read", "Reads leads for lists."),
        NeededPermission("users:read", "Reads the names of owners."),
        NeededPermission("webhooks:full", "Hears of changes at once."),
        NeededPermission("admin", "The same, as Pipedrive's specification names it."),
    ),
    "right": (
        NeededPermission(
            "API key",
            "A Brevo key opens the whole account. Lockstep reads and writes contacts, lists, attributes, "
            "companies, events, imports and marketing webhooks, and sends no campaign.",
        ),
    ),
}
