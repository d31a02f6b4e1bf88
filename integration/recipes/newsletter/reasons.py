"""Reasons of the recipes that write newsletter consent to Maileon."""

from __future__ import annotations

from integration.reasons import ReasonCode


class NewsletterReason(ReasonCode):
    """Why a record was skipped, failed or waits; the sync log stores the value."""

    NEWSLETTER_NEVER_ASKED = "newsletter_never_asked"
    NEWSLETTER_UNCLEAR = "newsletter_unclear"
    NEWSLETTER_FIELD_NEW = "newsletter_field_new"
    NEWSLETTER_NO = "newsletter_no"
    NOT_ASKED_EXISTING = "not_asked_existing"
    OVERRIDE_LIMITED = "override_limited"
    NOT_CONFIRMED = "not_confirmed"
    NEWSLETTER_FIELD_MISSING = "newsletter_field_missing"
    TARGET_SETTLING = "target_settling"
    PERSON_ANNOUNCED = "person_announced"
