"""The reasons of HubSpot ↔ Maileon: those of its own, and the others in its words."""

from __future__ import annotations

from integration.engine.api import ReasonKind, ReasonText
from integration.reasons import ReasonCode
from integration.recipes.newsletter import reasons as newsletter
from integration.recipes.newsletter.reasons import NewsletterReason, SourceWords


class HubSpotReason(ReasonCode):
    """Why a record was skipped, failed or waits; the sync log stores the value."""

    THERE_BEFORE = "there_before"
    STAGE_REFUSED = "stage_refused"
    STAGE_MISSING = "stage_missing"


WORDS = SourceWords(
    product="HubSpot",
    record="contact",
    records="contacts",
    field="“Subscribe to Maileon Newsletter”",
    opt_in="“Double Opt-in Process”",
    mailing="“Double Opt-in Mailing Key”",
    on_delete="“When a contact is deleted in HubSpot”",
)
REASONS = (
    *newsletter.texts(WORDS),
    ReasonText(
        HubSpotReason.THERE_BEFORE,
        ReasonKind.SKIP,
        "This contact was there before the integration.",
        "A property that is not set counts as Yes only for contacts created since. Nobody receives an email because an "
        "old contact changed.",
        "Start Fetch All and allow opt-in emails, or set “Subscribe to Maileon Newsletter” to Yes for this contact.",
    ),
    ReasonText(
        NewsletterReason.OVERRIDE_LIMITED,
        ReasonKind.SKIP,
        "The contact's own properties asked for more than the settings allow.",
        "A hidden field of a form, or somebody in HubSpot, set a permission above the limit. The limit was used.",
        "Nothing to fix if that is right. Otherwise raise “Limit of per-contact overrides” in the settings.",
    ),
    ReasonText(
        HubSpotReason.STAGE_REFUSED,
        ReasonKind.FAILURE,
        "HubSpot kept the lifecycle stage, although it reported success.",
        "HubSpot lets a stage move forward only and does not say when it refuses. Everything else was saved.",
        "Switch on “Reset Before Updating” in the settings, or choose a target stage after the source stage.",
    ),
    ReasonText(
        HubSpotReason.STAGE_MISSING,
        ReasonKind.HOLD,
        "A chosen lifecycle stage does not exist any more.",
        "Somebody deleted the stage in HubSpot after it was chosen in the settings.",
        "Choose another stage in the settings, or switch that update off.",
    ),
)
