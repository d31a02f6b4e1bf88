"""Brevo: an old official file is known (specs), the rest from guides, clients and captured answers."""

from __future__ import annotations

from sandbox.assumptions.kinds import Assumption, Irrelevant, Settled, Switch

ASSUMPTIONS: tuple[Assumption, ...] = (
    Switch("brevo.body_429", "Body of a 429", "none", "code too_many_requests with a message", "sheet §2, UNSURE"),
    Switch("brevo.retry_after", "Retry-After on a 429", "not sent", "the seconds left", "sheet §2 and corrections"),
    Switch(
        "brevo.limit_headers", "Which window the headers describe where there are two",
        "the one per second", "the one per hour", "sheet §3 gives the names only",
    ),
    Switch(
        "brevo.small_tier", "Tier of /events/batch, GET /events, /companies, /crm",
        "100 per hour", "that of the contacts", "sheet §3, UNSURE",
    ),
    Switch(
        "brevo.unknown_attribute", "An attribute the account does not have, on create and PUT",
        "dropped silently, like a value of the wrong type", "400 invalid_parameter", "sheet §4 names the type only",
    ),
    Switch(
        "brevo.upsert_answer", "updateEnabled with getId on a contact that exists",
        "204 without its id", "201 with the id", "sheet §4, UNSURE",
    ),
    Switch(
        "brevo.clash_code", "Code of a clash on update",
        "invalid_parameter", "duplicate_parameter", "sheet §2 saw two codes",
    ),
    Switch(
        "brevo.category_labels", "Values of a category",
        "its numbers; a label is dropped silently", "labels too", "corrections: APIv3-python-library#65",
    ),
    Switch(
        "brevo.import_false", "The boolean false in an import",
        "is passed over", "is stored", "corrections: APIv3-python-library#95, one report",
    ),
    Switch(
        "brevo.null_clears", "null as the value of a text",
        "leaves it as it is; an empty text clears", "clears as well", "sheet §4, UNSURE",
    ),
    Switch(
        "brevo.stored_phone", "Stored form of a phone number",
        "digits with the country code alone", "with a plus", "sheet §4 accepts three forms",
    ),
    Switch(
        "brevo.rejoin", "Joining a list the contact left alone",
        "subscribes to it again", "is passed over", "sheet §8.15 and corrections",
    ),
    Switch(
        "brevo.all_failed", "A list call of which nobody is left to add",
        "400 invalid_parameter", "201 with all of them among the failures", "sheet §4; the exact text is open",
    ),
    Switch(
        "brevo.report_form", "What an import tells of rows that were left out",
        "addresses of reports, or null", "counters", "corrections: brevo-python 5.1.0 against the older file",
    ),
    Switch(
        "brevo.event_on_create", "contactUpdated when a contact is created",
        "sent", "not sent", "sheet §7, UNSURE",
    ),
    Switch(
        "brevo.event_of_import", "contactUpdated of an import",
        "one event, addresses as an array, empty content", "one event per contact", "sheet §7 names the array",
    ),
    Switch(
        "brevo.event_form", "Where an event's address and attributes stand",
        "inside `content`", "the address beside `content`, an array of one object", "sheet §7, UNSURE",
    ),
    Switch(
        "brevo.event_time", "Time of an event about a contact",
        "`date` in the account's zone alone", "`ts` as well, in seconds UTC", "sheet §7: only the ts fields are UTC",
    ),
    Switch(
        "brevo.unknown_person", "An event of an unknown contact",
        "204 or counted as queued, and dropped", "400", "sheet §5, UNSURE",
    ),
    Switch(
        "brevo.crm_null", "null and an empty text as the value of a company's or deal's attribute",
        "null leaves it as it is; an empty text clears", "both are stored", "not documented: reference/update-a-deal",
    ),
    Switch(
        "brevo.deals_page", "Most deals of one page",
        "50, whatever is asked for", "as many as asked for", "not documented: reference/get-all-deals",
    ),
    Switch(
        "brevo.no_deals", "`items` of a list without deals",
        "null", "an empty list", "reference/get-all-deals: a list of objects or null",
    ),
    Switch(
        "brevo.stage_alone", "`deal_stage` without its `pipeline`",
        "400 missing_parameter", "taken", "reference/update-a-deal asks for both",
    ),
    Settled("Order of deals", "the newest first; `sort` turns it round", "reference/get-all-deals"),
    Settled("Linked ids in a PATCH of a deal", "replace the whole list", "reference/update-a-deal"),
    Settled("Body of a batched webhook", "an array of events", "docs “batch webhooks”"),
    Settled("Phone numbers", "judged by the rules of their country", "mon-service-securise#2788"),
    Irrelevant(
        "Duration of a 425", "none; account setting busy_s",
        "the call is made again by the common policy: integration/connectors/brevo/api.py, ERRORS",
    ),
    Irrelevant(
        "Whether limits count per key or account", "per account",
        "one connection has one key, and the headers are obeyed: integration/connectors/brevo/api.py, limits_of",
    ),
    Irrelevant(
        "401 of a blocked address of the caller", "not played",
        "every 401 asks for another key: integration/http.py, STATUS_ERRORS",
    ),
    Irrelevant(
        "Unknown key of a body", "400 invalid_parameter",
        "bodies hold known keys alone, which the official file confirms: tests/sandbox/test_openapi_brevo.py",
    ),
    Irrelevant(
        "updateEnabled when only the phone meets a contact", "refused as a duplicate where an address is given",
        "an address is always given: integration/connectors/brevo/client.py, upsert_contact",
    ),
    Irrelevant(
        "Clash of an identifier or a bad number in an import", "the row is left out",
        "every import is read back: integration/recipes/pipedrive_brevo/settling.py",
    ),
    Irrelevant(
        "notifyUrl body", "processId and status",
        "only the marker in the address is read: integration/connectors/brevo/webhooks.py, parse",
    ),
    Irrelevant(
        "fileUrl of an import", "refused: the stand-in fetches nothing",
        "rows are sent in the body: integration/connectors/brevo/client.py, import_contacts",
    ),
    Irrelevant(
        "Status of PATCH and DELETE of a deal", "204",
        "every 2xx is a success and no body is read: integration/connectors/brevo/deals.py, update",
    ),
    Irrelevant(
        "Status of DELETE and PUT", "204",
        "every 2xx is a success and no body is read: integration/connectors/brevo/client.py, update_contact",
    ),
    Irrelevant(
        "Ten minutes' pause of a dead target", "not played; retries come as documented",
        "what is late or lost is polled: integration/recipes/pipedrive_brevo/contact_to_person.py",
    ),
    Irrelevant(
        "Webhook over the limit of 40", "400 out_of_range",
        "any refusal of the step is told: integration/engine/setup/provisioning.py",
    ),
    Irrelevant(
        "Plain http webhook URLs", "accepted for loopback hosts only",
        "a refusal of the step is told: integration/engine/setup/provisioning.py",
    ),
    Irrelevant(
        "Sales CRM: notes, tasks, files; segments; exports", "no endpoints",
        "never called: integration/connectors/brevo/client.py",
    ),
)  # fmt: skip
