"""The reasons of LeadBoxer → Pipedrive: those of its own, and the others in its words."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from integration.engine.api import ReasonKind, ReasonText
from integration.reasons import Reason, ReasonCode


class LeadBoxerReason(ReasonCode):
    """Why a record was skipped, failed or waits; the sync log stores the value."""

    SCORE_LOW = "score_low"
    NO_ORGANIZATION = "no_organization"
    TRIAL_FULL = "trial_full"
    LEAD_CLOSED = "lead_closed"
    SEGMENT_MISSING = "segment_missing"


REASONS = (
    ReasonText(
        Reason.NO_EMAIL,
        ReasonKind.SKIP,
        _("No email address is known."),
        _("LeadBoxer does not know this visitor's email address, by which the person in Pipedrive is found."),
        _(
            "Nothing to fix: it follows once LeadBoxer knows the address. “Link leads to” in the settings says "
            "whether a lead needs one."
        ),
    ),
    ReasonText(
        Reason.DUPLICATE_EMAIL,
        ReasonKind.SKIP,
        _("Another lead has the same email address."),
        _(
            "LeadBoxer has two profiles of this visitor. The one that came first is used, so that Pipedrive gets "
            "one lead."
        ),
        _("Nothing to fix."),
    ),
    ReasonText(
        Reason.DELETED_AT_SOURCE,
        ReasonKind.SKIP,
        _("LeadBoxer no longer has this record."),
        _("It was deleted there, or is no longer in the chosen dataset."),
        _("Nothing to fix. What was created in Pipedrive stays."),
    ),
    ReasonText(
        Reason.NOT_LINKED,
        ReasonKind.SKIP,
        _("The lead has no organization or person in Pipedrive to update."),
        _("It was not linked to one, or the one it was linked to was deleted."),
        _("Nothing to fix."),
    ),
    ReasonText(
        LeadBoxerReason.SCORE_LOW,
        ReasonKind.SKIP,
        _("The lead score is too low."),
        _("It is below “Minimum lead score” in the settings."),
        _("Nothing to fix if that is right. Otherwise lower it; the lead follows at its next visit."),
    ),
    ReasonText(
        LeadBoxerReason.NO_ORGANIZATION,
        ReasonKind.SKIP,
        _("No organization is known."),
        _("LeadBoxer could not tell which company this visitor belongs to."),
        _(
            "Set “Link leads to” in the settings to “Person” or “Both”, or choose a segment of identified "
            "organizations."
        ),
    ),
    ReasonText(
        LeadBoxerReason.TRIAL_FULL,
        ReasonKind.SKIP,
        _("The trial has all its leads."),
        _("During the trial, Lockstep handles as many leads as “Leads in the trial” says."),
        _("Check the deals in the test pipeline, switch “Trial first” off and start Fetch All."),
    ),
    ReasonText(
        LeadBoxerReason.LEAD_CLOSED,
        ReasonKind.SKIP,
        _("The lead was archived, converted or deleted in Pipedrive."),
        _("Somebody dealt with it there, and Lockstep does not open it again."),
        _("Nothing to fix. To create it again, sync this one lead by hand."),
    ),
    ReasonText(
        LeadBoxerReason.SEGMENT_MISSING,
        ReasonKind.HOLD,
        _("The chosen dataset, segment or pipeline does not exist any more."),
        _("Somebody deleted it, or the connected user can no longer see it."),
        _("Choose another one in the settings and save."),
    ),
    ReasonText(
        Reason.CAP_REACHED,
        ReasonKind.WAIT,
        _("The limit of new records per run is reached."),
        _("More leads or visits came in at once than “Most new records per run” allows."),
        _(
            "Nothing to do: it follows in one of the next runs. If many are waiting, choose a smaller segment or "
            "raise the limit."
        ),
    ),
)
