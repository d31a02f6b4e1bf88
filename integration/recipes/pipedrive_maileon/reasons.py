"""The reasons of Pipedrive ↔ Maileon in its own words."""

from __future__ import annotations

from integration.engine.api import ReasonKind, ReasonText
from integration.reasons import Reason
from integration.recipes.newsletter import reasons as newsletter
from integration.recipes.newsletter.reasons import NewsletterReason, SourceWords
from integration.recipes.shared.pipedrive_reasons import PipedriveReason

WORDS = SourceWords(
    product="Pipedrive",
    record="person",
    records="people",
    field="Newsletter",
    opt_in="“Enable Double Opt-in (DOI) process”",
    mailing="“Double Opt-in (DOI) key”",
    on_delete="“When a person is deleted in Pipedrive”",
)
REASONS = (
    *newsletter.texts(WORDS),
    ReasonText(
        PipedriveReason.DEAL_WITHOUT_PERSON,
        ReasonKind.SKIP,
        "The deal has no person.",
        "Contact events belong to a contact, and this deal is linked to nobody.",
        "Link a person to the deal; its next change is sent.",
    ),
    ReasonText(
        PipedriveReason.CONTACT_MISSING,
        ReasonKind.SKIP,
        "The person is not a contact in Maileon.",
        "Only contacts receive contact events.",
        "Set Newsletter to Yes for the person, or switch on “Create contacts for deals” in the settings.",
    ),
    ReasonText(
        Reason.PERSON_QUEUED,
        ReasonKind.WAIT,
        "The deal's person is still in the queue.",
        "The deal's event needs the contact in Maileon.",
        "Nothing to do: the deal follows its person.",
    ),
    ReasonText(
        NewsletterReason.PERSON_ANNOUNCED,
        ReasonKind.WAIT,
        "The deal's person is not a contact yet.",
        "Newsletter is Yes, but the change of the person has not arrived yet.",
        "Nothing to do: Lockstep checks again a few times.",
    ),
)
