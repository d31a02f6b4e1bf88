"""What this recipe is permitted to do at both vendors, and what for."""

from __future__ import annotations

from integration.engine.api import NeededPermission

PERMISSIONS = {
    "left": (
        NeededPermission(
            "API key and login",
            "Reads datasets, segments, leads and their visits. LeadBoxer is never written to.",
        ),
    ),
    "right": (
        NeededPermission("base", "Pipedrive asks it of every app."),
        NeededPermission("contacts:full", "Finds and makes people and organizations."),
        NeededPermission("contact-fields:full", "Reads and makes fields of organizations and people."),
        NeededPermission("deal-fields:full", "Makes the fields of leads and deals that the settings ask for."),
        NeededPermission("leads:full", "Makes leads and their notes."),
        NeededPermission("deals:full", "Links visits to open deals, and makes deals where the settings ask for them."),
        NeededPermission("activities:full", "Makes activities for visits."),
        NeededPermission("users:read", "Reads who may own a lead."),
    ),
}
