"""Reasons of the recipes that send people and deals of Pipedrive to a mailing system."""

from __future__ import annotations

from integration.reasons import ReasonCode


class PipedriveReason(ReasonCode):
    """Why a record was skipped, failed or waits; the sync log stores the value."""

    DEAL_WITHOUT_PERSON = "deal_without_person"
    CONTACT_MISSING = "contact_missing"
