"""Planhat: public pages without an official file."""

from __future__ import annotations

from sandbox.assumptions.kinds import Assumption, Irrelevant, Settled, Switch

ASSUMPTIONS: tuple[Assumption, ...] = (
    Switch(
        "planhat.note_keys", "By what a bulk upsert finds a note",
        "_id alone: another key makes a second note", "externalId too", "corrections: note page",
    ),
    Switch(
        "planhat.bulk_status", "Status of a bulk answer that tells of failures",
        "400", "206", "corrections: a public client of 2026",
    ),
    Switch(
        "planhat.key_order", "Which key an upsert matches by first",
        "_id, sourceId, externalId, email", "the other way round", "sheet §4, UNSURE",
    ),
    Switch(
        "planhat.error_form", "An item of createdErrors",
        "a text that names no record", "the item with `error`", "sheet §4, UNSURE; account setting error_form",
    ),
    Switch(
        "planhat.told_keys", "An item of insertsKeys",
        "_id alone", "_id and the keys sent", "sheet §4",
    ),
    Switch(
        "planhat.email_optional", "An end user without e-mail",
        "refused", "accepted with a sourceId", "sheet §5, UNSURE",
    ),
    Switch(
        "planhat.error_body", "Body of a refusal",
        "plain text called HTML", "JSON with a message", "sheet §2 saw text",
    ),
    Switch(
        "planhat.retry_after", "Headers of a 429",
        "none", "Retry-After", "sheet §2: today UNSURE",
    ),
    Switch(
        "planhat.sort", "sort by updatedAt",
        "is passed over: in order of the last write", "served", "sheet §3, UNSURE",
    ),
    Switch(
        "planhat.custom_parents", "Names of models in customfields.parent",
        "company, enduser, license and so on", "with a capital: Company, EndUser and so on", "sheet §5, UNSURE",
    ),
    Switch(
        "planhat.unknown_custom", "A custom name without a field",
        "left out silently", "refused", "sheet §3, UNSURE",
    ),
    Settled("A 401 on a bad token, 404 on an unknown id", "answered so", "corrections, and a public client of 2026"),
    Settled("`custom` in an update", "its names are merged, the others stay", "sheet §3: partial update"),
    Settled("An account without a team", "200 with an empty list", "corrections"),
    Irrelevant(
        "The same person twice in one upsert", "the second is refused as duplicated",
        "an address has one owner: integration/recipes/planhat_pipedrive/person_to_enduser.py",
    ),
    Irrelevant(
        "The same person in two upserts at once", "the later one is refused as duplicated",
        "one writer per account: integration/connectors/planhat/connector.py, one_writer",
    ),
    Irrelevant(
        "null in a body", "clears",
        "only what had a value before is sent as null: integration/recipes/planhat_pipedrive/writing.py, sendable",
    ),
    Irrelevant(
        "An unknown companyId", "the record is refused",
        "people wait for their company: integration/recipes/planhat_pipedrive/scope.py",
    ),
    Irrelevant(
        "Time of the last change", "updatedAt, for companies lastUpdated too",
        "either is read: integration/connectors/planhat/records.py, parse_company",
    ),
    Irrelevant(
        "Body of an automation's call", "model, _id and updatedAt; one attempt",
        "the tenant's template is ours to word, and what is lost is polled: docs/tenant-guide-planhat.md",
    ),
    Irrelevant(
        "Assignment by domain, metrics, projects, the 2026 deals", "not served",
        "never called: integration/connectors/planhat/client.py",
    ),
)  # fmt: skip
