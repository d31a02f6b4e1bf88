"""Reasons that only Maileon gives."""

from __future__ import annotations

from integration.reasons import ReasonCode


class MaileonReason(ReasonCode):
    """Why a record was skipped, failed or waits; the sync log stores the value."""

    DOI_MAILING_MISSING = "doi_mailing_missing"
