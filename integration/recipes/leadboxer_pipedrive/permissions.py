"""What this recipe is permitted to do at both vendors, and what for."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from integration.engine.api import NeededPermission

PERMISSIONS = {
    "left": (
        NeededPermission(
            "API key and login",
            _("Reads datasets, segments, leads and their visits. LeadBoxer is never written to."),
        ),
    ),
    "right": (
        NeededPermission("base", _("Pipedrive asks it of every app.")),
        NeededPermission("contacts:full", _("Finds and makes people and organizations.")),
        NeededPermission("contact-fields:full", _("Reads and makes fields of organizations and people.")),
        NeededPermission("deal-fields:full", _("Makes the fields of leads and deals that the settings ask for.")),
        NeededPermission("leads:full", _("Makes leads and their notes.")),
        NeededPermission(
            "deals:full", _("Links visits to open deals, and makes deals where the settings ask for them.")
        ),
        NeededPermission("activities:full", _("Makes activities for visits.")),
        NeededPermission("users:read", _("Reads who may own a lead.")),
    ),
}
