"""The reasons of Pipedrive ↔ Maileon in its own words."""

from __future__ import annotations

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from integration.engine.api import ReasonKind, ReasonText
from integration.reasons import Reason
from integration.recipes.newsletter import reasons as newsletter
from integration.recipes.newsletter.reasons import NewsletterReason, SourceWords
from integration.recipes.shared.pipedrive_reasons import PipedriveReason

WORDS = SourceWords(
    product="Pipedrive",
    field="Newsletter",
    opt_in=format_lazy("“{}”", _("Enable Double Opt-in (DOI) process")),
    mailing=format_lazy("“{}”", _("Double Opt-in (DOI) key")),
    on_delete=format_lazy("“{}”", _("When a person is deleted in Pipedrive")),
)
REASONS = (
    *newsletter.texts(WORDS),
    ReasonText(
        PipedriveReason.DEAL_WITHOUT_PERSON,
        ReasonKind.SKIP,
        _("The deal has no person."),
        _("Contact events belong to a contact, and this deal is linked to nobody."),
        _("Link a person to the deal; its next change is sent."),
    ),
    ReasonText(
        PipedriveReason.CONTACT_MISSING,
        ReasonKind.SKIP,
        _("The person is not a contact in Maileon."),
        _("Only contacts receive contact events."),
        _("Set Newsletter to Yes for the person, or switch on “Create contacts for deals” in the settings."),
    ),
    ReasonText(
        Reason.PERSON_QUEUED,
        ReasonKind.WAIT,
        _("The deal's person is still in the queue."),
        _("The deal's event needs the contact in Maileon."),
        _("Nothing to do: the deal follows its person."),
    ),
    ReasonText(
        NewsletterReason.PERSON_ANNOUNCED,
        ReasonKind.WAIT,
        _("The deal's person is not a contact yet."),
        _("Newsletter is Yes, but the change of the person has not arrived yet."),
        _("Nothing to do: Lockstep checks again a few times."),
    ),
)
