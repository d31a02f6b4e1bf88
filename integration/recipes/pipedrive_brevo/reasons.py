"""Reasons of Pipedrive and Brevo alone."""

from __future__ import annotations

from integration.reasons import ReasonCode


class BrevoReason(ReasonCode):
    """Why a record was skipped, failed or waits; the sync log stores the value."""

    LEFT_LIST = "left_list"
    ACTIVITY_WITHOUT_PERSON = "activity_without_person"
    LEAD_WITHOUT_PERSON = "lead_without_person"
    PHONE_TAKEN = "phone_taken"
    IMPORT_RUNNING = "import_running"
    IMPORT_LEFT_OUT = "import_left_out"
