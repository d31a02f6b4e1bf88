"""HubSpot: its reference is public; what it leaves open."""

from __future__ import annotations

from sandbox.assumptions.kinds import Assumption, Irrelevant, Settled, Switch

ASSUMPTIONS: tuple[Assumption, ...] = (
    Switch(
        "hubspot.batch_status", "Status of a batch answer with errors",
        "207", "200", "sheet §2, UNSURE on version 2026-09",
    ),
    Switch(
        "hubspot.error_context", "Whether an error of a batch names its record",
        "not in `context`: in its text at most", "`context.ids`", "sheet §2: seen with and without",
    ),
    Switch(
        "hubspot.merge_id", "Id of the survivor of a merge",
        "a new one", "the primary's", "sheet §5 and §9",
    ),
    Switch(
        "hubspot.merge_deletion", "Who else is told of in a merge",
        "one deletion, of the loser", "nobody", "sheet §5",
    ),
    Switch(
        "hubspot.retry_after", "Retry-After on a 429",
        "none", "the seconds left", "sheet §7, UNSURE",
    ),
    Switch(
        "hubspot.refresh_token", "Refresh token after a renewal",
        "another one; the old one is dead", "the same", "sheet §1: stays until uninstalled, UNSURE for 2026",
    ),
    Switch(
        "hubspot.restore_flag", "changeFlag of a restore",
        "NEW, like a creation", "RESTORED", "undocumented",
    ),
    Switch(
        "hubspot.search_delay", "How long until search sees a change",
        "at once; misbehave says otherwise", "five seconds", "sheet §2: a moment",
    ),
    Switch(
        "hubspot.first_stage", "Stage of a new contact",
        "lead", "subscriber", "sheet §4: historically",
    ),
    Switch(
        "hubspot.company_domain", "A second company of one domain, created by the API",
        "is created", "409 with the id of the first", "companies guide: the domain is “the primary unique identifier”",
    ),
    Switch(
        "hubspot.deal_stage", "A new deal without a stage",
        "400", "gets the first stage of the pipeline", "deals guide: “should include”",
    ),
    Switch(
        "hubspot.stage_options", "Whether the property dealstage lists the stages",
        "no: only the pipelines do", "yes", "not documented: properties and pipelines guides",
    ),
    Switch(
        "hubspot.no_associations", "A record without associations in a batch read of them",
        "an error of the answer", "an empty list", "associations guide; seen in public clients",
    ),
    Switch(
        "hubspot.association_missing", "A pair of which one record is gone in a batch of associations",
        "the whole call is refused with 400", "fails alone", "create-associations: has `errors`, does not say when",
    ),
    Settled("Most inputs of a batch read of associations", "1,000", "changelog, February 2025"),
    Settled("changeFlag of a deletion", "DELETED", "seven captures, 2019 to 2026"),
    Settled("Search with an unknown property in a filter", "400", "corrections"),
    Settled("Associations of a contact with notes", "all in one answer", "sheet §6"),
    Settled("A second DELETE of an archived contact", "204", "corrections"),
    Settled("Writes to the id of a merge's loser", "change the survivor", "corrections"),
    Irrelevant(
        "Status of a pair that is associated already", "200, listed among the results",
        "what is in the results is associated: integration/connectors/hubspot/crm.py, associate",
    ),
    Irrelevant(
        "Webhooks about companies and deals", "none",
        "no app of ours subscribes to them, they are polled: integration/connectors/hubspot/objects.py",
    ),
    Irrelevant(
        "Order of a batch read of associations", "by id",
        "rows are matched by their ids: integration/connectors/hubspot/crm.py, associated",
    ),
    Irrelevant(
        "Batches that mix portals", "yes, when events are gathered",
        "each event finds its own portal: integration/engine/intake/inbox.py",
    ),
    Irrelevant(
        "Batch update by address", "`idProperty` per input is taken",
        "updates go by id: integration/connectors/hubspot/client.py",
    ),
    Irrelevant(
        "Ids a merge has replaced in batch calls", "unknown there",
        "a missing id is asked for alone: integration/connectors/hubspot/client.py",
    ),
    Irrelevant(
        "Body of a 404, names of validation errors", "category OBJECT_NOT_FOUND; INVALID_OPTION and so on",
        "the status decides, words are only shown: integration/http.py, STATUS_ERRORS",
    ),
    Irrelevant(
        "Error of an address blocked by a privacy deletion", "400 VALIDATION_ERROR",
        "every refusal is the record's own: integration/recipes/hubspot_maileon/consent_to_contact.py",
    ),
    Irrelevant(
        "Form of addresses", "in lower case, spaces around them dropped",
        "addresses are normalised: integration/addresses.py",
    ),
    Irrelevant(
        "Same address twice in a batch create", "409 for the whole batch",
        "contacts are never created in batches: integration/connectors/hubspot/client.py",
    ),
    Irrelevant(
        "Order of lifecycle stages", "displayOrder",
        "a tenant chooses stages by name: integration/recipes/hubspot_maileon/settings.py",
    ),
    Irrelevant(
        "Contacts in a stage that is deleted, values of an archived property", "keep their value; are lost",
        "unknown options are told: integration/engine/mapping/translate.py",
    ),
    Irrelevant(
        "Second creation of a group", "409 OBJECT_ALREADY_EXISTS",
        "a conflict is as good as made: integration/connectors/hubspot/client.py",
    ),
    Irrelevant(
        "Life of a code, error when the person says no", "60 s; access_denied",
        "any error begins anew: integration/portal/connect.py",
    ),
    Irrelevant(
        "Revoking", "200 with an empty object; access tokens go on, the app stays installed",
        "the tokens are forgotten here in any case: integration/engine/setup/lifecycle.py",
    ),
    Irrelevant(
        "policyName of a search limit, limit on version 2026.09", "SECONDLY; 110 in ten seconds",
        "headers and a 429 are obeyed: integration/connectors/hubspot/api.py",
    ),
    Irrelevant(
        "Search by EQ on `email`", "the contact's own address only",
        "a further address is asked for by id: integration/recipes/hubspot_maileon/contacts.py",
    ),
    Irrelevant(
        "Notes of a contact: HTML, scope", "kept as sent; contacts.write",
        "only our own key is looked for in them: integration/connectors/hubspot/timeline.py",
    ),
    Irrelevant(
        "Timeline on 2026-09", "404: only 2026-03 and v4 are served",
        "the version is named: integration/connectors/hubspot/timeline.py",
    ),
    Irrelevant(
        "Signature time, waits between retries, failing targets", "fresh each time; growing to eight hours",
        "what is lost is polled: integration/engine/sync/polls.py",
    ),
    Irrelevant(
        "Subscription management by API, legacy token information", "not served",
        "a project app declares them in its files: integration/connectors/hubspot/webhooks.py",
    ),
)  # fmt: skip
