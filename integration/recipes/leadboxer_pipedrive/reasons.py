"""Reasons of LeadBoxer and Pipedrive alone."""

from __future__ import annotations

from integration.reasons import ReasonCode


class LeadBoxerReason(ReasonCode):
    """Why a record was skipped, failed or waits; the sync log stores the value."""

    SCORE_LOW = "score_low"
    NO_ORGANIZATION = "no_organization"
    TRIAL_FULL = "trial_full"
    LEAD_CLOSED = "lead_closed"
    SEGMENT_MISSING = "segment_missing"
