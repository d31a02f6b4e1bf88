"""Which rule does not apply to which recipe, and why. Everything else applies to everybody."""

from __future__ import annotations

BRAKE = "brake"
ECHO = "echo"
SECONDARY = "secondary address"
DUPLICATE = "duplicate address"
HIDDEN = "not visible is no deletion"
DRY_RUN = "dry run writes nothing"
ERASURE = "erasure is complete"
COMPARED = "compared with what is there"
RULES = (BRAKE, ECHO, SECONDARY, DUPLICATE, HIDDEN, DRY_RUN, ERASURE, COMPARED)

EXEMPT: dict[tuple[str, str], str] = {
    (BRAKE, "planhat_pipedrive"): "Nothing is ever deleted at Planhat: what goes away in Pipedrive stays there.",
    (BRAKE, "leadboxer_pipedrive"): "Nothing is taken away in Pipedrive: leads and activities are only added.",
    (DUPLICATE, "hubspot_maileon"): "HubSpot itself refuses a second contact with an address that one has already.",
    (COMPARED, "leadboxer_pipedrive"): "A lead has no field in Pipedrive before somebody maps one.",
    (ECHO, "leadboxer_pipedrive"): "LeadBoxer is only read, so nothing that we write can come back from it.",
    (SECONDARY, "planhat_pipedrive"): "Planhat keeps no consent that somebody could take back.",
    (SECONDARY, "leadboxer_pipedrive"): "LeadBoxer keeps no consent that somebody could take back.",
}

# (recipe, flow) that may say "deleted at the source" of what it cannot see, because it would do nothing about it
KEEPS_WHAT_IS_GONE: dict[tuple[str, str], str] = {
    (
        "planhat_pipedrive",
        "organization_to_company",
    ): "A company stays in Planhat whatever becomes of the organization.",
    ("planhat_pipedrive", "person_to_enduser"): "An end user stays in Planhat whatever becomes of the person.",
    (
        "planhat_pipedrive",
        "deal_to_license",
    ): "A license stays in Planhat; a deal that is gone only brings nothing more.",
    ("leadboxer_pipedrive", "lead_to_lead"): "A lead that was added in Pipedrive stays there for good.",
}

# Tables a dry run may leave other than they were; all others hold the same rows afterwards, settings and state included
MAY_CHANGE: dict[str, str] = {
    "integration_syncrun": "The run itself, with its counts.",
    "integration_vendorcall": "What was read at the vendors, for support.",
    "integration_ratebudget": "Reading counts against the vendor's limits.",
    "integration_directory": "Users, fields and the like, kept for a while so that they are not read again.",
    "integration_cursor": "How far a target's directory was read; where a poll goes on is not moved.",
    "integration_emailindex": "Who has which address at the source, as hashes.",
}
