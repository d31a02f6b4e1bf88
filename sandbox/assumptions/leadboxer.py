"""LeadBoxer: only half of its API is documented, so most of it is a switch."""

from __future__ import annotations

from sandbox.assumptions.kinds import Assumption, Irrelevant, Settled, Switch

ASSUMPTIONS: tuple[Assumption, ...] = (
    Switch(
        "leadboxer.token_key", "Key of the next page's token in an answer",
        "pageToken", "nextToken", "sheet §3 and its corrections: UNSURE",
    ),
    Switch(
        "leadboxer.token_at_end", "Whether the last page brings a token as well",
        "it does, and it leads to an empty page", "it does not", "corrections: tokens come with each answer",
    ),
    Switch(
        "leadboxer.stale_token", "What a token answers that has expired or is not known",
        "the first page once more", "400", "undocumented; sheet §3 gives its ten minutes",
    ),
    Switch(
        "leadboxer.page_cap", "Most rows per page, whatever `limit` asks for",
        "50", "any number", "sheet §3: the default is 50, the most is UNSURE",
    ),
    Switch(
        "leadboxer.score_included", "Whether the minimum score itself is included",
        "no: greater than", "yes", "the two stored texts differ",
    ),
    Switch(
        "leadboxer.score_key", "Key of the score in a lead",
        "lead_score", "leadscore", "sheet §4, UNSURE",
    ),
    Switch(
        "leadboxer.datasets_path", "Where the datasets of a user are listed",
        "users/datasets", "user-datasets", "corrections: the vendor's example and the older guess",
    ),
    Switch(
        "leadboxer.envelope", "Where the rows of sessions, events, datasets and segments stand",
        "the answer is the list itself", "below `data`, like the list of leads", "undocumented",
    ),
    Switch(
        "leadboxer.visit_keys", "Keys of a session and an event",
        "`id` and `timestamp`", "those of a lead where there is one: session_id, eventUnixTimestamp", "undocumented",
    ),
    Switch(
        "leadboxer.criteria_keys", "Keys of a segment's criteria",
        "those of the list of leads: criteriaTextFilter", "those of the older API: textFilter", "sheet §5",
    ),
    Switch(
        "leadboxer.error_form", "Errors beside those of a limit",
        "a problem document: title, detail", "error, message", "sheet §1 for 401; corrections for the rest",
    ),
    Switch(
        "leadboxer.retry_header", "Where a 429 says how long",
        "in the body alone", "in the header Retry-After too", "corrections: the body carries it",
    ),
    Switch(
        "leadboxer.foreign_dataset", "A dataset or user of another account",
        "404", "403", "undocumented",
    ),
    Settled(
        "Calls a minute to each endpoint", "ten; account setting calls_per_minute",
        "developers.leadboxer.com, page “rate limit exceeded”",
    ),
    Settled(
        "A segment's score", "a minimum", "reference “create segment”",
    ),
    Settled(
        "Form of one lead", "the bare object", "docs, automation examples: `lead.last_city` of the parsed answer",
    ),
    Irrelevant(
        "Several values of criteriaDisplayFilter", "divided by semicolons",
        "a segment's criteria are sent on as they came: integration/connectors/leadboxer/records.py, parse_segment",
    ),
    Irrelevant(
        "Paths of sessions, events and segments", "leads/sessions, leads/events, segments",
        "only these are named anywhere; a 404 there is told as LeadBoxer's: integration/connectors/leadboxer/client.py",
    ),
    Irrelevant(
        "Exclusion lists, search by field, look-ups of domains and addresses", "not played",
        "never called: integration/connectors/leadboxer/client.py",
    ),
)  # fmt: skip
