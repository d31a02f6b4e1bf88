"""Reasons of the recipes that write newsletter consent to Maileon, and their texts in the words of each."""

from __future__ import annotations

from dataclasses import dataclass

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
    record: str  # one person
    records: str  # several of them
    field: str  # the field that says who wants the newsletter
    opt_in: str  # the setting that switches opt-in emails on
    mailing: str  # the setting that names the opt-in mailing
    on_delete: str  # the setting for deleted records


def texts(words: SourceWords) -> tuple[ReasonText, ...]:
    """Return what the recipes of this package have in common."""
    return (*_addresses(words), *_consent(words), *_existence(words), *_waiting(words))


def _addresses(words: SourceWords) -> tuple[ReasonText, ...]:
    return (
        ReasonText(
            Reason.NO_EMAIL,
            ReasonKind.SKIP,
            "No email address.",
            f"Maileon recognizes people by their email address, and {words.product} has none for this {words.record}.",
            f"Add an email address in {words.product}; the {words.record} then syncs by itself.",
        ),
        ReasonText(
            Reason.INVALID_EMAIL,
            ReasonKind.SKIP,
            "The email address is not valid.",
            "It has a typo, holds two addresses, or contains characters that are not allowed.",
            f"Correct the address in {words.product}; the {words.record} then syncs by itself.",
        ),
        ReasonText(
            Reason.DUPLICATE_EMAIL,
            ReasonKind.SKIP,
            f"Another {words.record} in {words.product} has the same email address.",
            "The one that came first is linked to the contact in Maileon, so that the two do not overwrite each other.",
            f"Merge the two {words.records} in {words.product}, or give one of them another email address.",
        ),
    )


def _consent(words: SourceWords) -> tuple[ReasonText, ...]:
    return (
        ReasonText(
            NewsletterReason.NEWSLETTER_NEVER_ASKED,
            ReasonKind.SKIP,
            f"{words.field} is empty.",
            f"Nobody has decided yet whether this {words.record} wants the newsletter.",
            f"Set {words.field} to Yes in {words.product}.",
        ),
        ReasonText(
            NewsletterReason.NEWSLETTER_UNCLEAR,
            ReasonKind.SKIP,
            f"{words.field} has an option that Lockstep does not know.",
            "Somebody added or replaced options. Only Yes and No mean something here.",
            f"Choose Yes or No in {words.product}. If the options were replaced, save the settings to restore them.",
        ),
        ReasonText(
            NewsletterReason.NEWSLETTER_FIELD_NEW,
            ReasonKind.SKIP,
            f"{words.field} was created again and is still empty for this {words.record}.",
            "Somebody had deleted it, and an empty new field says nothing about what anybody wants.",
            "Nothing to do: the earlier value is restored by itself.",
        ),
        ReasonText(
            NewsletterReason.NEWSLETTER_NO,
            ReasonKind.SKIP,
            f"{words.field} is No.",
            f"This {words.record} does not want the newsletter and is not subscribed in Maileon.",
            f"Nothing to fix. If this is wrong, set {words.field} to Yes in {words.product}.",
        ),
        ReasonText(
            Reason.UNSUBSCRIBED,
            ReasonKind.SKIP,
            f"This {words.record} unsubscribed.",
            "They opted out, and Lockstep never subscribes anyone again on its own.",
            f"Only they can undo it: with {words.opt_in} switched on, set {words.field} from No to Yes in "
            f"{words.product}, and they receive an opt-in email.",
        ),
        ReasonText(
            Reason.NO_ELSEWHERE,
            ReasonKind.SKIP,
            f"Another {words.record} with the same email address says No.",
            f"One No counts for everybody at an address, so this {words.record} is not subscribed.",
            f"Open the other {words.record} in {words.product}: merge the two, or correct {words.field} there.",
        ),
        ReasonText(
            NewsletterReason.NOT_ASKED_EXISTING,
            ReasonKind.SKIP,
            f"Existing {words.record}: no opt-in email was sent, as you chose.",
            "Fetch All was started without opt-in emails to people who were there before.",
            f"Start Fetch All again and allow opt-in emails, or set {words.field} from No to Yes for this "
            f"{words.record}.",
        ),
        ReasonText(
            NewsletterReason.NOT_CONFIRMED,
            ReasonKind.SKIP,
            "Maileon does not show the confirmation.",
            "It was reported that the opt-in was confirmed, but the contact does not have that permission.",
            "Nothing to fix: if the confirmation is real, the next check finds it.",
        ),
        ReasonText(
            NewsletterReason.NEWSLETTER_FIELD_MISSING,
            ReasonKind.HOLD,
            f"{words.field}, or an option of it, was deleted in {words.product}.",
            "Somebody deleted what says who wants the newsletter. Nobody is unsubscribed because of it.",
            "Save the settings, or wait for the next connection check: both create it again and restore the values.",
        ),
        ReasonText(
            MaileonReason.DOI_MAILING_MISSING,
            ReasonKind.HOLD,
            "There is no opt-in mailing to send.",
            f"{words.opt_in} is on, {words.mailing} is empty, and the Maileon account has no default DOI mailing.",
            f"Fill in {words.mailing} in the settings, or choose a default DOI mailing in Maileon.",
        ),
        ReasonText(
            Reason.OPT_IN_LIMIT,
            ReasonKind.HOLD,
            "The daily limit of opt-in emails is reached.",
            "Many people got a Yes within a day: an import, a misused form, or two apps triggering each other.",
            "Make sure that these people really asked for the newsletter, then press “Decide” and let them through.",
        ),
        ReasonText(
            NewsletterReason.TARGET_SETTLING,
            ReasonKind.WAIT,
            "Maileon is still removing the contact's earlier subscription.",
            "The person opted out a moment ago and wants to come back. The old permission must not count as a new one.",
            "Nothing to do: Lockstep tries again within minutes.",
        ),
    )


def _existence(words: SourceWords) -> tuple[ReasonText, ...]:
    return (
        ReasonText(
            Reason.REMOVED_AT_TARGET,
            ReasonKind.SKIP,
            "The contact was deleted in Maileon.",
            "Somebody deleted it there, and Lockstep does not create it again.",
            f"To start over, set {words.field} to No and then to Yes in {words.product}.",
        ),
        ReasonText(
            Reason.DELETED_AT_SOURCE,
            ReasonKind.SKIP,
            f"The record was deleted in {words.product}.",
            "It is gone or in the bin there, and nothing has to happen in Maileon.",
            f"Nothing to fix. The setting {words.on_delete} decides what happens to a contact.",
        ),
        ReasonText(
            Reason.NOT_VISIBLE,
            ReasonKind.SKIP,
            f"Lockstep cannot see the record in {words.product}, and no deletion was reported.",
            "The connected user may have lost access to it, or it was deleted and the report has not arrived yet.",
            f"Check what the connected user may see in {words.product}. A deletion is found by the weekly comparison.",
        ),
        ReasonText(
            Reason.NOT_LINKED,
            ReasonKind.SKIP,
            f"No synced {words.record} in {words.product} belongs to this contact.",
            f"The contact did not come from {words.product}, so there is nothing to update.",
            "Nothing to fix.",
        ),
        ReasonText(
            Reason.MASS_DELETE,
            ReasonKind.HOLD,
            "An unusually large number of contacts would be unsubscribed or deleted at once.",
            f"Many {words.records} were deleted or set to No in {words.product}, or the connected user can no longer "
            "see them.",
            "If this was intended, press “Decide” and let them through. If not, correct it in "
            f"{words.product}: each record is read again.",
        ),
    )


def _waiting(words: SourceWords) -> tuple[ReasonText, ...]:
    """Say which app is meant where only one can be."""
    return (
        ReasonText(
            Reason.SETUP_UNFINISHED,
            ReasonKind.WAIT,
            "The setup is not finished yet.",
            f"What the settings need in {words.product} or Maileon is not created yet: they were saved a moment ago, "
            "or a step failed.",
            "Nothing to do for a minute. If it stays so, save the settings again and read the steps.",
        ),
    )
