"""Pipedrive: two official files are known (specs); what they leave open."""

from __future__ import annotations

from sandbox.assumptions.kinds import Assumption, Irrelevant, Settled, Switch

ASSUMPTIONS: tuple[Assumption, ...] = (
    Switch(
        "pipedrive.body_429", "Body of a 429",
        "a page in HTML", "JSON with error and errorCode", "sheet §13, UNSURE",
    ),
    Switch(
        "pipedrive.retry_after", "Retry-After on a 429",
        "none", "the seconds left", "sheet §13 and §17: seen once, when the day's budget was gone",
    ),
    Switch(
        "pipedrive.cursor_life", "How long a cursor can be gone on with",
        "five minutes, then 400", "for ever", "sheet §4, UNSURE",
    ),
    Switch(
        "pipedrive.deleted_get", "GET of a record in the bin",
        "200 with is_deleted true", "404", "sheet §11, UNSURE; corrections: a GET tells deleted from invisible",
    ),
    Switch(
        "pipedrive.retired_v1", "Retired v1 operations",
        "404", "410", "sheet §3, UNSURE",
    ),
    Switch(
        "pipedrive.empty_custom", "Empty custom fields in webhooks 2.0",
        "null", "absent", "sheet §17: captured; §5 shows none",
    ),
    Switch(
        "pipedrive.event_id", "meta.id over retries",
        "another one for each try", "stays the same", "sheet §12, UNSURE",
    ),
    Switch(
        "pipedrive.merge_order", "Order of the two events of a merge",
        "the loser's deletion first", "the survivor's change first", "undocumented",
    ),
    Switch(
        "pipedrive.oauth_error", "JSON keys of OAuth errors",
        "error, error_description (RFC 6749)", "success, error, message", "sheet §2, UNSURE",
    ),
    Switch(
        "pipedrive.refresh_token", "Refresh token after a renewal",
        "another one; the old one is dead", "the same", "sheet §2, which names a conflict",
    ),
    Switch(
        "pipedrive.search_delay", "How long until search sees a change",
        "at once; misbehave says otherwise", "two seconds", "sheet §6: index based",
    ),
    Switch(
        "pipedrive.delete_again", "DELETE of a record that is deleted",
        "404", "410 with success true", "sheet §17: captured on v1",
    ),
    Settled("Custom fields without the `custom_fields` parameter", "all of them", "PipedreamHQ/pipedream#18966"),
    Settled("Visibility of a field that is made", "not in the dialog “Add person”", "official file: add_visible_flag"),
    Settled("Status of POST /v1/notes", "200", "official file; 201 was seen too, every 2xx is a success"),
    Settled("`name` of a new person", "required", "guides; the official file lists it as optional"),
    Settled("Who can read our pair for webhooks", "every user of the company", "official file: GET /v1/webhooks"),
    Irrelevant(
        "API token as a query parameter", "accepted on v1 only",
        "it is sent in its header: integration/connectors/pipedrive/api.py",
    ),
    Irrelevant(
        "When ignoring 429 leads to a Cloudflare 403, and how long", "over 30 refused calls in a row, 120 s",
        "a 403 with a page is a limit: integration/http.py, _is_cloudflare_page",
    ),
    Irrelevant(
        "Redirect URI", "must equal the registered one",
        "there is one: integration/engine/clients/tokens.py",
    ),
    Irrelevant(
        "first_name, last_name in a person body", "refused as unknown keys",
        "never written: integration/connectors/pipedrive/bodies.py",
    ),
    Irrelevant(
        "Contact Sync keys without Contact Sync", "403 ERR_FEATURE_NOT_ENABLED",
        "never written: integration/connectors/pipedrive/bodies.py",
    ),
    Irrelevant(
        "Emails and phones in PATCH", "replace the whole array",
        "the whole array is always sent: integration/connectors/pipedrive/bodies.py",
    ),
    Irrelevant(
        "References to missing users, organizations, persons, stages", "400 validation error",
        "ids are written that were read, and a refusal is the record's own: integration/http.py, STATUS_ERRORS",
    ),
    Irrelevant(
        "Key of include_labels", "`labels`", "not asked for: integration/connectors/pipedrive/client.py",
    ),
    Irrelevant(
        "Unknown query parameters", "ignored", "none are sent: tests/sandbox/test_openapi_pipedrive.py",
    ),
    Irrelevant(
        "filter_id", "no filters exist, so 400", "never sent: integration/connectors/pipedrive/client.py",
    ),
    Irrelevant(
        "`label_ids` in person webhooks", "only `label` (the first id)",
        "a body is a hint, the record is read afresh: integration/connectors/pipedrive/webhooks.py",
    ),
    Irrelevant(
        "What a merge keeps", "merge_with_id survives and wins; its gaps are filled from the other",
        "the survivor is read afresh: integration/engine/sync/batch.py",
    ),
    Irrelevant(
        "Ban counter after a success, deliveries retried while banned", "is kept; still tried",
        "what a ban loses is polled: integration/engine/sync/polls.py",
    ),
    Irrelevant(
        "Reachability test of subscription_url", "form only, since receivers stand on this machine",
        "a refusal of the step is told: integration/engine/setup/provisioning.py",
    ),
    Irrelevant(
        "Webhook over the limit of 40", "422 with an errors object",
        "a refusal of the step is told: integration/engine/setup/provisioning.py",
    ),
    Irrelevant(
        "Zone of local_won_date and the like", "that of the company's users",
        "the day is taken as it stands: integration/connectors/pipedrive/values.py",
    ),
    Irrelevant(
        "Values of a deleted option or field", "dropped without an event",
        "unknown options are told and never guessed: integration/engine/mapping/translate.py",
    ),
    Irrelevant(
        "A change that changes nothing", "no event, same update_time",
        "what is unchanged is not written: integration/engine/sync/batch.py, _unchanged",
    ),
    Irrelevant(
        "Lead conversion", "running at the first look, completed at the second",
        "not called; a lead that is gone is closed: integration/recipes/leadboxer_pipedrive/lead_to_lead.py",
    ),
    Irrelevant(
        "Activities' person_id on write", "refused",
        "participants are written: integration/recipes/leadboxer_pipedrive/visit_to_activity.py",
    ),
    Irrelevant(
        "Event of a record taken out of the bin", "none; its update_time is new",
        "polls look at update_time: integration/recipes/shared/pipedrive_pages.py",
    ),
    Irrelevant(
        "Visibility per user, purge after 30 days", "not played",
        "missing is no deletion: integration/recipes/shared/pipedrive_gone.py",
    ),
)  # fmt: skip
