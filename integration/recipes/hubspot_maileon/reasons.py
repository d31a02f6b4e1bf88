"""Reasons of HubSpot and Maileon alone."""

from __future__ import annotations

from integration.reasons import ReasonCode


class HubSpotReason(ReasonCode):
    """Why a record was skipped, failed or waits; the sync log stores the value."""

    THERE_BEFORE = "there_before"
    STAGE_REFUSED = "stage_refused"
    STAGE_MISSING = "stage_missing"
