"""What this recipe is permitted to do at both vendors, and what for."""

from __future__ import annotations

from integration.engine.api import NeededPermission

PERMISSIONS = {
    "left": (
        NeededPermission("base", "Pipedrive asks it of every app."),
        NeededPermission("contacts:full", "Reads people, reads and writes organizations."),
        NeededPermission("contact-fields:full", "Makes fields of organizations."),
        NeededPermission("deals:read", "Reads deals for licenses and sales."),
        NeededPermission("users:read", "Reads the names of owners."),
        NeededPermission("webhooks:full", "Hears of changes at once."),
        NeededPermission("admin", "The same, as Pipedrive's specification names it."),
    ),
    "right": (
        NeededPermission("Company: view, create, update", "Receives organizations as companies and writes back."),
        NeededPermission("End User: view, create, update", "Receives the people of a company."),
        NeededPermission("License and Sale: view, create, update", "Receives won deals."),
        NeededPermission("Conversation: view, create, update", "Receives notes."),
        NeededPermission("Custom Field: view, create", "Makes the fields that a row of the Fields page asks for."),
        NeededPermission("User: view", "Finds owners by their email address."),
    ),
}
