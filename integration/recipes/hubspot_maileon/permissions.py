"""What this recipe is permitted to do at both vendors, and what for."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from integration.engine.api import NeededPermission

PERMISSIONS = {
    "left": (
        NeededPermission("oauth", _("HubSpot asks it of every app.")),
        NeededPermission("crm.objects.contacts.read", _("Reads contacts and hears of changes at once.")),
        NeededPermission("crm.objects.contacts.write", _("Writes opt-ins and opt-outs, lifecycle stages and notes.")),
        NeededPermission("crm.schemas.contacts.read", _("Reads the properties of contacts for the Fields page.")),
        NeededPermission(
            "crm.schemas.contacts.write",
            _("Makes the property Newsletter and the overrides per contact."),
        ),
        NeededPermission("timeline", _("Puts confirmations and opt-outs on the timeline of contacts."), optional=True),
        NeededPermission(
            "settings.users.read",
            _("Tells whether the person who logs in is a Super Admin, who may move an account between customers."),
            optional=True,
        ),
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
