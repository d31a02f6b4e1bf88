"""What this recipe is permitted to do at both vendors, and what for."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from integration.engine.api import NeededPermission

PERMISSIONS = {
    "left": (
        NeededPermission("base", _("Pipedrive asks it of every app.")),
        NeededPermission("contacts:full", _("Reads people, reads and writes organizations.")),
        NeededPermission("contact-fields:full", _("Makes fields of organizations.")),
        NeededPermission("deals:read", _("Reads deals for licenses and sales.")),
        NeededPermission("users:read", _("Reads the names of owners.")),
        NeededPermission("search:read", _("Finds a company, person or deal by its name for “Sync one record”.")),
        NeededPermission("webhooks:full", _("Creates webhooks, so that changes arrive at once.")),
        NeededPermission("admin", _("Creates webhooks too: Pipedrive's documents name two permissions for them.")),
    ),
    "right": (
        NeededPermission("Company: view, create, update", _("Receives organizations as companies and writes back.")),
        NeededPermission("End User: view, create, update", _("Receives the people of a company.")),
        NeededPermission("License and Sale: view, create, update", _("Receives won deals.")),
        NeededPermission("Conversation: view, create, update", _("Receives notes.")),
        NeededPermission("Custom Field: view, create", _("Makes the fields that a row of the Fields page asks for.")),
        NeededPermission("User: view", _("Finds owners by their email address.")),
    ),
}
