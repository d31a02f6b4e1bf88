"""The reasons of HubSpot ↔ Maileon: those of its own, and the others in its words."""

from __future__ import annotations

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

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
    field="“Subscribe to Maileon Newsletter”",
    opt_in=format_lazy("“{}”", _("Double Opt-in Process")),
    mailing=format_lazy("“{}”", _("Double Opt-in Mailing Key")),
    on_delete=format_lazy("“{}”", _("When a contact is deleted in HubSpot")),
)
REASONS = (
    *newsletter.texts(WORDS),
    ReasonText(
        HubSpotReason.THERE_BEFORE,
        ReasonKind.SKIP,
        _("This contact was there before the integration."),
        _(
            "A property that is not set counts as Yes only for contacts created since. Nobody receives an email "
            "because an old contact changed."
        ),
        _("Start Fetch All and allow opt-in emails, or set “Subscribe to Maileon Newsletter” to Yes for this contact."),
    ),
    ReasonText(
        NewsletterReason.OVERRIDE_LIMITED,
        ReasonKind.SKIP,
        _("The contact's own properties asked for more than the settings allow."),
        _("A hidden field of a form, or somebody in HubSpot, set a permission above the limit. The limit was used."),
        _("Nothing to fix if that is right. Otherwise raise “Limit of per-contact overrides” in the settings."),
    ),
    ReasonText(
        HubSpotReason.STAGE_REFUSED,
        ReasonKind.FAILURE,
        _("HubSpot kept the lifecycle stage, although it reported success."),
        _("HubSpot lets a stage move forward only and does not say when it refuses. Everything else was saved."),
        _("Switch on “Reset Before Updating” in the settings, or choose a target stage after the source stage."),
    ),
    ReasonText(
        HubSpotReason.STAGE_MISSING,
        ReasonKind.HOLD,
        _("A chosen lifecycle stage does not exist any more."),
        _("Somebody deleted the stage in HubSpot after it was chosen in the settings."),
        _("Choose another stage in the settings, or switch that update off."),
    ),
)
