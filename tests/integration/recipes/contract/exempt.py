"""Which rule does not apply to which recipe, and why. Everything else applies to everybody."""

from __future__ import annotations

BRAKE = "brake"
ECHO = "echo"
SECONDARY = "secondary address"
DUPLICATE = "duplicate address"
HIDDEN = "not visible is no deletion"
DRY_RUN = "dry run writes nothing"
ERASURE = "erasure is complete"
RULES = (BRAKE, ECHO, SECONDARY, DUPLICATE, HIDDEN, DRY_RUN, ERASURE)

EXEMPT: dict[tuple[str, str], str] = {
    (BRAKE, "planhat_pipedrive"): "Nothing is ever deleted at Planhat: what goes away in Pipedrive stays there.",
    (BRAKE, "leadboxer_pipedrive"): "Nothing is taken away in Pipedrive: leads and activities are only added.",
    (DUPLICATE, "hubspot_maileon"): "HubSpot itself refuses a second contact with an address that one has already.",
    (ECHO, "leadboxer_pipedrive"): "LeadBoxer is only read, so nothing that we write can come back from it.",
    (SECONDARY, "planhat_pipedrive"): "Planhat keeps no consent that somebody could take back.",
    (SECONDARY, "leadboxer_pipedrive"): "LeadBoxer keeps no consent that somebody could take back.",
}
