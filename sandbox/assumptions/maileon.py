"""Maileon: its pages and clients are public; what they leave open."""

from __future__ import annotations

from sandbox.assumptions.kinds import Assumption, Irrelevant, Settled, Switch

ASSUMPTIONS: tuple[Assumption, ...] = (
    Switch(
        "maileon.unknown_external_id", "GET by external id without match",
        "an empty list", "404", "sheet §11",
    ),
    Switch(
        "maileon.anonymous_listed", "Anonymised contacts in GET /contacts",
        "listed, without id and address", "not listed", "sheet §2.3, UNSURE",
    ),
    Switch(
        "maileon.zone", "Zone of times",
        "that of the account, without saying so", "UTC, without saying so", "sheet §2.3, UNSURE",
    ),
    Switch(
        "maileon.address_taken", "New address that another contact has",
        "400", "409", "sheet §2.2, UNSURE",
    ),
    Switch(
        "maileon.unsubscribe_method", "`source` and webhook `method` of an unsubscription by the API",
        "other", "api", "sheet §3, UNSURE",
    ),
    Switch(
        "maileon.msg_id", "msg_id of a webhook",
        "a text", "an integer", "sheet §6, UNSURE",
    ),
    Switch(
        "maileon.resend_doi", "Second opt-in mail for a contact that has confirmed",
        "suppressed", "sent", "sheet §2.2 rule 3; account setting resend_doi",
    ),
    Switch(
        "maileon.most_in_bulk", "Contacts per bulk call",
        "1,000, else 400", "any number", "sheet §4, UNSURE",
    ),
    Settled("Unknown DOI mailing key", "201 and silently no mail", "sheet §2.2 and corrections"),
    Settled("Time until an unsubscription anonymises", "seconds; account setting unsubscribe_delay_s", "corrections"),
    Settled("Resubscribing after an unsubscription", "a new Maileon id", "sheet §11"),
    Irrelevant(
        "POST create on an existing contact, PUT by email or external id", "201 with the id",
        "every 2xx is a success: integration/connectors/maileon/client.py",
    ),
    Irrelevant(
        "DELETE and unsubscribe", "204; unknown contact 404 with error XML",
        "every 2xx is a success, a 404 is asked for otherwise: integration/recipes/newsletter/removal.py",
    ),
    Irrelevant(
        "Contact answers to Accept: JSON, bulk body in JSON", "XML all the same",
        "XML is sent and read: integration/connectors/maileon/xml.py",
    ),
    Irrelevant(
        "Unencoded key after Basic", "401", "it is encoded: integration/connectors/maileon/api.py",
    ),
    Irrelevant(
        "Unknown property or element of a contact, undeclared custom field", "400",
        "fields are made before they are written: integration/connectors/maileon/fields.py",
    ),
    Irrelevant(
        "Missing permission when sync_mode=1 updates, doi=true with sync_mode=2", "keeps it; no mail",
        "both are always said: integration/connectors/maileon/client.py",
    ),
    Irrelevant(
        "No DOI mailing at all", "400", "a refusal is told: integration/recipes/newsletter/subscription.py",
    ),
    Irrelevant(
        "Which mail a DOI click belongs to", "the newest of the contact",
        "a click is a click: integration/recipes/newsletter/from_consent.py",
    ),
    Irrelevant(
        "Duplicate custom field or transaction type", "409",
        "what exists is listed first: integration/connectors/maileon/fields.py",
    ),
    Irrelevant(
        "GET /contacts without page_index", "400", "it is always said: integration/connectors/maileon/client.py",
    ),
    Irrelevant(
        "Anonymised contacts in reports", "id and external id only",
        "rows are taken by either: integration/recipes/newsletter/from_consent.py",
    ),
    Irrelevant(
        "POST create for a marked address", "is created: only bulk sync heeds the marker",
        "link, marker and the living are asked before: integration/engine/safety/consent.py",
    ),
    Irrelevant(
        "reimport_unsubscribed_contacts not sent", "true",
        "it is always sent as false: integration/connectors/maileon/client.py",
    ),
    Irrelevant(
        "Bad contact and doubled identifiers in a bulk call", "400 with the report; code 4 or 5",
        "reports are read row by row, one identifier goes once: integration/connectors/maileon/client.py",
    ),
    Irrelevant(
        "Error code of a too long COUNTRY or SALUTATION", "26",
        "words are only shown: integration/connectors/maileon/bodies.py",
    ),
    Irrelevant(
        "POST /transactions, unknown attribute in a transaction", "201 with reports; not queued",
        "reports are read row by row: integration/connectors/maileon/transactions.py",
    ),
    Irrelevant(
        "Statuses and form of webhooks' answers", "201 with an id in XML or JSON, 200, 204",
        "either form is read: integration/connectors/maileon/webhooks.py",
    ),
    Irrelevant(
        "Webhook retries", "none", "what is lost is polled: integration/recipes/newsletter/from_consent.py",
    ),
    Irrelevant(
        "Custom fields in API-created webhooks", "left out of the body",
        "a body is a hint: integration/connectors/maileon/webhooks.py",
    ),
    Irrelevant(
        "Plain http webhook URLs", "accepted for loopback hosts only",
        "a refusal of the step is told: integration/engine/setup/provisioning.py",
    ),
    Irrelevant(
        "Preference categories", "stored with contacts, no endpoints",
        "never read or written: integration/connectors/maileon/bodies.py",
    ),
)  # fmt: skip
