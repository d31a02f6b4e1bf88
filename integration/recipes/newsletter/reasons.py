"""Reasons of the recipes that write newsletter consent to Maileon, and their texts in the words of each."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from config.texts import StrOrPromise
from integration.connectors.maileon.reasons import MaileonReason
from integration.engine.api import ReasonKind, ReasonText
from integration.reasons import Reason, ReasonCode


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


@dataclass(frozen=True)
class SourceWords:
    """What the texts call things of the source, as its pages and our settings name them."""

    product: str  # Pipedrive
    field: StrOrPromise  # the field that says who wants the newsletter
    opt_in: StrOrPromise  # the setting that switches opt-in emails on
    mailing: StrOrPromise  # the setting that names the opt-in mailing
    on_delete: StrOrPromise  # the setting for deleted records


def texts(words: SourceWords) -> tuple[ReasonText, ...]:
    """Return what the recipes of this package have in common."""
    return (*_addresses(words), *_consent(words), *_existence(words), *_waiting(words))


def _addresses(words: SourceWords) -> tuple[ReasonText, ...]:
    return (
        ReasonText(
            Reason.NO_EMAIL,
            ReasonKind.SKIP,
            _("No email address."),
            format_lazy(
                _("Maileon recognizes people by their email address, and {product} has none for this person."),
                product=words.product,
            ),
            format_lazy(
                _("Add an email address in {product}; the person then syncs by itself."), product=words.product
            ),
        ),
        ReasonText(
            Reason.INVALID_EMAIL,
            ReasonKind.SKIP,
            _("The email address is not valid."),
            _("It has a typo, holds two addresses, or contains characters that are not allowed."),
            format_lazy(_("Correct the address in {product}; the person then syncs by itself."), product=words.product),
        ),
        ReasonText(
            Reason.DUPLICATE_EMAIL,
            ReasonKind.SKIP,
            format_lazy(_("Another person in {product} has the same email address."), product=words.product),
            _(
                "The one that came first is linked to the contact in Maileon, so that the two do not overwrite "
                "each other."
            ),
            format_lazy(
                _("Merge the two people in {product}, or give one of them another email address."),
                product=words.product,
            ),
        ),
    )


def _consent(words: SourceWords) -> tuple[ReasonText, ...]:
    return (
        ReasonText(
            NewsletterReason.NEWSLETTER_NEVER_ASKED,
            ReasonKind.SKIP,
            format_lazy(_("{field} is empty."), field=words.field),
            _("Nobody has decided yet whether this person wants the newsletter."),
            format_lazy(_("Set {field} to Yes in {product}."), field=words.field, product=words.product),
        ),
        ReasonText(
            NewsletterReason.NEWSLETTER_UNCLEAR,
            ReasonKind.SKIP,
            format_lazy(_("{field} has an option that Lockstep does not know."), field=words.field),
            _("Somebody added or replaced options. Only Yes and No mean something here."),
            format_lazy(
                _("Choose Yes or No in {product}. If the options were replaced, save the settings to restore them."),
                product=words.product,
            ),
        ),
        ReasonText(
            NewsletterReason.NEWSLETTER_FIELD_NEW,
            ReasonKind.SKIP,
            format_lazy(_("{field} was created again and is still empty for this person."), field=words.field),
            _("Somebody had deleted it, and an empty new field says nothing about what anybody wants."),
            _("Nothing to do: the earlier value is restored by itself."),
        ),
        ReasonText(
            NewsletterReason.NEWSLETTER_NO,
            ReasonKind.SKIP,
            format_lazy(_("{field} is No."), field=words.field),
            _("This person does not want the newsletter and is not subscribed in Maileon."),
            format_lazy(
                _("Nothing to fix. If this is wrong, set {field} to Yes in {product}."),
                field=words.field,
                product=words.product,
            ),
        ),
        ReasonText(
            Reason.UNSUBSCRIBED,
            ReasonKind.SKIP,
            _("This person unsubscribed."),
            _("They opted out, and Lockstep never subscribes anyone again on its own."),
            format_lazy(
                _(
                    "Only they can undo it: with {opt_in} switched on, set {field} from No to Yes in "
                    "{product}, and they receive an opt-in email."
                ),
                opt_in=words.opt_in,
                field=words.field,
                product=words.product,
            ),
        ),
        ReasonText(
            Reason.NO_ELSEWHERE,
            ReasonKind.SKIP,
            _("Another person with the same email address says No."),
            _("One No counts for everybody at an address, so this person is not subscribed."),
            format_lazy(
                _("Open the other person in {product}: merge the two, or correct {field} there."),
                product=words.product,
                field=words.field,
            ),
        ),
        ReasonText(
            NewsletterReason.NOT_ASKED_EXISTING,
            ReasonKind.SKIP,
            _("Existing person: no opt-in email was sent, as you chose."),
            _("Fetch All was started without opt-in emails to people who were there before."),
            format_lazy(
                _("Start Fetch All again and allow opt-in emails, or set {field} from No to Yes for this person."),
                field=words.field,
            ),
        ),
        ReasonText(
            NewsletterReason.NOT_CONFIRMED,
            ReasonKind.SKIP,
            _("Maileon does not show the confirmation."),
            _("It was reported that the opt-in was confirmed, but the contact does not have that permission."),
            _("Nothing to fix: if the confirmation is real, the next check finds it."),
        ),
        ReasonText(
            NewsletterReason.NEWSLETTER_FIELD_MISSING,
            ReasonKind.HOLD,
            format_lazy(
                _("{field}, or an option of it, was deleted in {product}."), field=words.field, product=words.product
            ),
            _("Somebody deleted what says who wants the newsletter. Nobody is unsubscribed because of it."),
            _("Save the settings, or wait for the next connection check: both create it again and restore the values."),
        ),
        ReasonText(
            MaileonReason.DOI_MAILING_MISSING,
            ReasonKind.HOLD,
            _("There is no opt-in mailing to send."),
            format_lazy(
                _("{opt_in} is on, {mailing} is empty, and the Maileon account has no default DOI mailing."),
                opt_in=words.opt_in,
                mailing=words.mailing,
            ),
            format_lazy(
                _("Fill in {mailing} in the settings, or choose a default DOI mailing in Maileon."),
                mailing=words.mailing,
            ),
        ),
        ReasonText(
            Reason.OPT_IN_LIMIT,
            ReasonKind.HOLD,
            _("The daily limit of opt-in emails is reached."),
            _("Many people got a Yes within a day: an import, a misused form, or two apps triggering each other."),
            _("Make sure that these people really asked for the newsletter, then press “Decide” and let them through."),
        ),
        ReasonText(
            NewsletterReason.TARGET_SETTLING,
            ReasonKind.WAIT,
            _("Maileon is still removing the contact's earlier subscription."),
            _(
                "The person opted out a moment ago and wants to come back. The old permission must not count as a"
                " new one."
            ),
            _("Nothing to do: Lockstep tries again within minutes."),
        ),
    )


def _existence(words: SourceWords) -> tuple[ReasonText, ...]:
    return (
        ReasonText(
            Reason.REMOVED_AT_TARGET,
            ReasonKind.SKIP,
            _("The contact was deleted in Maileon."),
            _("Somebody deleted it there, and Lockstep does not create it again."),
            format_lazy(
                _("To start over, set {field} to No and then to Yes in {product}."),
                field=words.field,
                product=words.product,
            ),
        ),
        ReasonText(
            Reason.DELETED_AT_SOURCE,
            ReasonKind.SKIP,
            format_lazy(_("The record was deleted in {product}."), product=words.product),
            _("It is gone or in the bin there, and nothing has to happen in Maileon."),
            format_lazy(
                _("Nothing to fix. The setting {on_delete} decides what happens to a contact."),
                on_delete=words.on_delete,
            ),
        ),
        ReasonText(
            Reason.NOT_VISIBLE,
            ReasonKind.SKIP,
            format_lazy(
                _("Lockstep cannot see the record in {product}, and no deletion was reported."), product=words.product
            ),
            _("The connected user may have lost access to it, or it was deleted and the report has not arrived yet."),
            format_lazy(
                _("Check what the connected user may see in {product}. A deletion is found by the weekly comparison."),
                product=words.product,
            ),
        ),
        ReasonText(
            Reason.NOT_LINKED,
            ReasonKind.SKIP,
            format_lazy(_("No synced person in {product} belongs to this contact."), product=words.product),
            format_lazy(
                _("The contact did not come from {product}, so there is nothing to update."), product=words.product
            ),
            _("Nothing to fix."),
        ),
        ReasonText(
            Reason.MASS_DELETE,
            ReasonKind.HOLD,
            _("An unusually large number of contacts would be unsubscribed or deleted at once."),
            format_lazy(
                _("Many people were deleted or set to No in {product}, or the connected user can no longer see them."),
                product=words.product,
            ),
            format_lazy(
                _(
                    "If this was intended, press “Decide” and let them through. If not, correct it in "
                    "{product}: each record is read again."
                ),
                product=words.product,
            ),
        ),
    )


def _waiting(words: SourceWords) -> tuple[ReasonText, ...]:
    """Say which app is meant where only one can be."""
    return (
        ReasonText(
            Reason.SETUP_UNFINISHED,
            ReasonKind.WAIT,
            _("The setup is not finished yet."),
            format_lazy(
                _(
                    "What the settings need in {product} or Maileon is not created yet: they were saved a"
                    " moment ago, or a step failed."
                ),
                product=words.product,
            ),
            _("Nothing to do for a minute. If it stays so, save the settings again and read the steps."),
        ),
    )
