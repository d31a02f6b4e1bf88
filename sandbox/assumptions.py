"""What the vendors' documents leave open, and what the sandbox does there. No connector may depend on any of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Assumption:
    vendor: str
    question: str
    choice: str
    source: str


def _for(vendor: str, *rows: tuple[str, str, str]) -> tuple[Assumption, ...]:
    return tuple(Assumption(vendor, *row) for row in rows)


PIPEDRIVE = _for(
    "pipedrive",
    ("API token as a query parameter", "accepted on v1 only", "sheet §1, UNSURE"),
    ("Body of a 429", '{"success":false,"error":"Request over limit","errorCode":429}', "sheet §13, UNSURE"),
    ("Retry-After on a 429", "only when the daily budget is gone: seconds to midnight UTC", "sheet §13 and §17"),
    ("When ignoring 429 leads to a Cloudflare 403, and how long", "over 30 refused calls in a row, 120 s", "sheet §13"),
    ("JSON keys of OAuth errors", "success, error, message", "sheet §2, UNSURE"),
    ("Refresh token", "never rotated; sliding 60 days", "sheet §2, which names a conflict"),
    ("Redirect URI", "must equal the registered one", "RFC 6749; sheet §2 lists the error"),
    ("`name` of a new person", "required", "guides; the v2 spec lists it as optional"),
    ("first_name, last_name in a person body", "refused as unknown keys", "sheet §6, v2 spec lists none"),
    ("Contact Sync keys without Contact Sync", "403 ERR_FEATURE_NOT_ENABLED", "sheet §6, third-party notes"),
    ("Emails and phones in PATCH", "replace the whole array", "sheet §6, UNSURE"),
    ("References to missing users, organizations, persons, stages", "400 validation error", "undocumented"),
    ("GET of a soft-deleted v2 record", "200 with is_deleted true; PATCH and DELETE answer 404", "sheet §11, UNSURE"),
    ("Custom fields without the `custom_fields` parameter", "all returned, empty ones null", "sheet §4, UNSURE"),
    ("Key of include_labels", "`labels`", "sheet §4, UNSURE"),
    ("Unknown query parameters", "ignored", "sheet §4, UNSURE"),
    ("filter_id", "no filters exist, so 400", "undocumented"),
    ("Cursor lifetime", "unlimited", "sheet §4, UNSURE"),
    ("Retired v1 operations", "410, or 404 by the company option retired_v1_answers_404", "sheet §3, UNSURE"),
    ("`label_ids` in person webhooks", "only `label` (the first id)", "sheet §12, UNSURE"),
    ("Empty custom fields in webhooks 2.0", "absent; null by webhook_empty_custom_fields_as_null", "sheet §5 and §17"),
    ("meta.id over retries", "stays the same", "sheet §12, UNSURE"),
    ("Order of the two merge events", "delete of the loser first", "undocumented"),
    ("What a merge keeps", "merge_with_id survives and wins; its gaps are filled from the other", "sheet §10"),
    ("Ban counter after a success", "is kept; only a ban resets it", "sheet §12 names no other reset"),
    ("A delivery retried while banned", "still tried; only new events are lost", "sheet §12"),
    ("Reachability test of subscription_url", "form only, since receivers stand on this machine", "sheet §12"),
    ("Webhook over the limit of 40", "422 with an errors object", "sheet §12 gives the status only"),
    ("Status of POST /v1/notes", "200 as in the spec, though 201 was seen", "sheet §10 and §17"),
    ("Values of a deleted option or field", "dropped without an event", "sheet §5 says so for v1"),
    ("A change that changes nothing", "no event, same update_time", "undocumented"),
    ("Lead conversion", "running at the first look, completed at the second", "sheet §9 gives the states only"),
    ("Activities' person_id on write", "refused", "sheet §10; the spec marks it read only"),
    ("Visibility", "every user sees every record", "sheet §11: not played"),
    ("Purge after 30 days", "not played; deleted records stay", "sheet §11"),
)

MAILEON = _for(
    "maileon",
    ("POST create on an existing contact", "201 with the existing id in both sync modes", "sheet §11"),
    ("PUT by email or external id", "201; by Maileon id 200", "sheet §2.1 and §11"),
    ("DELETE and unsubscribe", "204; unknown contact 404 with error XML", "sheet §11"),
    ("Contact answers to Accept: JSON", "XML all the same", "sheet §1, UNSURE"),
    ("Unencoded key after Basic", "401", "sheet §1, UNSURE"),
    ("Unknown property or element of a contact", "400", "undocumented"),
    ("Missing permission when sync_mode=1 updates", "the contact keeps its permission", "sheet §2.2 gives default 1"),
    ("doi=true with sync_mode=2 on an existing contact", "no mail: the contact is untouched", "sheet §2.2, UNSURE"),
    ("No DOI mailing at all", "400", "sheet §11"),
    ("Unknown DOI mailing key", "201 and silently no mail (account setting doi_mailings)", "sheet §2.2"),
    ("Second DOI mail for 4 and 5", "suppressed unless the account's resend_doi is on", "sheet §2.2 rule 3"),
    ("Which mail a DOI click belongs to", "the newest of the contact", "undocumented"),
    ("New address taken by another contact", "409", "sheet §2.2, UNSURE"),
    ("Undeclared custom field on a single call", "400", "sheet §11"),
    ("Duplicate custom field or transaction type", "409", "sheet §11"),
    ("GET by external id without match", "404, or an empty list by account setting", "sheet §11"),
    ("GET /contacts without page_index", "400", "sheet §1: no default"),
    ("Anonymised contacts in GET /contacts", "not listed", "sheet §2.3, UNSURE"),
    ("Timestamps", "UTC, without zone", "sheet §2.3, UNSURE"),
    ("Time until an unsubscription anonymises", "0.5 s, account setting unsubscribe_delay_s", "sheet §3: some seconds"),
    ("Anonymised contacts in reports", "id and external id only; the emails= filter still finds them", "sheet §3"),
    ("`source` and webhook `method` of an API unsubscribe", "api", "sheet §3, UNSURE"),
    ("Resubscribing after an unsubscription", "a new Maileon id", "sheet §11"),
    ("POST create for a marked address", "is created: only bulk sync heeds the marker", "sheet §3, inferred"),
    ("Bulk body in JSON", "400: XML only", "sheet §4, UNSURE"),
    ("reimport_unsubscribed_contacts not sent", "true", "sheet §4, as the clients do"),
    ("Bad contact with ignore_invalid_contacts=false", "400 with the report, nothing stored", "sheet §4"),
    ("Doubled identifier in one bulk call", "reported with code 4 or 5, does not fail the call", "sheet §4"),
    ("Error code of a too long COUNTRY or SALUTATION", "26", "sheet §4 lists none"),
    ("Contacts per bulk call, rate limits", "none", "sheet §1 and §4, UNSURE"),
    ("POST /transactions", "201 with reports", "sheet §11"),
    ("Unknown attribute in a transaction's content", "not queued", "undocumented"),
    ("POST /webhooks", "201, XML id only where Accept asks for XML, else JSON", "sheet §11"),
    ("PUT and DELETE of a webhook", "200 and 204", "sheet §11"),
    ("Webhook retries", "none", "sheet §11"),
    ("Custom fields in API-created webhooks", "left out of the body", "sheet §6: do not work properly"),
    ("msg_id", "an integer", "sheet §6, UNSURE"),
    ("Plain http webhook URLs", "accepted for loopback hosts only", "sheet §6: HTTPS only"),
    ("Preference categories", "stored with contacts, no endpoints", "sheet §2.6: optional"),
)

BREVO = _for(
    "brevo",
    ("Body of a 429", "code too_many_requests with a message", "sheet §2, UNSURE"),
    ("Whether limits count per key or account", "per account", "sheet §3, UNSURE"),
    ("Which window the headers describe", "the one per second where there are two", "sheet §3 gives the names only"),
    ("Tier of /events/batch, GET /events, /companies, /crm", "100 per hour", "sheet §3, UNSURE"),
    ("Duration of a 425", "none; account setting busy_s", "sheet §2, UNSURE"),
    ("401 of a blocked address", "not played", "sheet §1, UNSURE"),
    ("Unknown attribute on create and PUT", "dropped silently, like one of the wrong type", "sheet §4 names the type"),
    ("Unknown key of a body", "400 invalid_parameter", "undocumented"),
    ("updateEnabled with getId", "201 with the id; without getId 204", "sheet §4, UNSURE"),
    ("updateEnabled when only the phone meets a contact", "refused as a duplicate where an address is given", "open"),
    ("Code of a clash on update", "invalid_parameter", "sheet §2 saw two codes"),
    ("Clearing a text", "empty text or null clears", "sheet §4, UNSURE"),
    ("Stored form of SMS", "digits with country code, no plus", "sheet §4 accepts three forms"),
    ("Clash of an identifier in an import", "the row is left out and counted", "sheet §4 gives counters only"),
    ("Bad phone number in an import", "the row is left out and counted as invalid_emails", "undocumented"),
    ("Joining a list one has left alone", "subscribes to it again", "sheet §8.15 names the opt-out only"),
    ("notifyUrl body", "processId and status", "sheet §4, UNSURE"),
    ("fileUrl of an import", "refused: the stand-in fetches nothing", "not played"),
    ("Status of DELETE and PUT", "204", "sheet §4"),
    ("Event of an unknown contact", "204 or counted as queued, and dropped", "sheet §5, UNSURE"),
    ("All of a list call's contacts fail", "400 invalid_parameter", "sheet §4; the exact text is open"),
    ("contactUpdated when a contact is created", "not sent", "sheet §7, UNSURE"),
    ("contactUpdated of an import", "one event, addresses as an array, empty content", "sheet §7 names the array"),
    ("Shape of `content`", "an array of one object; account setting webhook_form", "sheet §7, UNSURE"),
    ("Body of a batched webhook", "an array of events", "sheet §7, UNSURE"),
    ("Ten minutes' pause of a dead target", "not played; retries come as documented", "sheet §7"),
    ("Webhook over the limit of 40", "400 out_of_range", "sheet §3 gives the number only"),
    ("Plain http webhook URLs", "accepted for loopback hosts only", "undocumented"),
    ("Sales CRM: deals, notes, tasks; segments; exports", "no endpoints", "not used"),
)

ASSUMPTIONS = (*PIPEDRIVE, *MAILEON, *BREVO)
