"""The chaos table: each fault or bad input we promise to survive. A test says with `chaos("P1")` which row it is."""

from __future__ import annotations

ROWS = {
    # Process, machine, database
    "P1": "web process killed in the middle of requests",
    "P2": "worker killed in the middle of a vendor call",
    "P3": "all workers dead for ten minutes, then back",
    "P4": "web processes restarted during a deploy",
    "P5": "worker stopped longer than its lease, then going on",
    "P6": "database away",
    "P7": "database read-only, locked or full",
    "P8": "committed, connection cut before the answer",
    "P9": "clock jumps an hour, daylight saving",
    "P10": "two schedulers at once",
    "P11": "a job that kills its worker",
    "P12": "migration under traffic, old code beside new",
    "P13": "a very deep queue",
    # Vendor API
    "V1": "429 with every kind of Retry-After",
    "V2": "daily budget used up, then a block page",
    "V3": "5xx, resets, half bodies, slow bodies, TLS and DNS failures",
    "V4": "400, 404, 409, 410, 422",
    "V5": "401 in mid-run, refused refresh, two refreshes at once",
    "V6": "a 2xx of the wrong shape",
    "V7": "batch with partial failures",
    "V8": "created, but the answer was lost",
    "V9": "search that does not find yet",
    "V10": "records that move while they are listed",
    "V11": "fields deleted, renamed, retyped, options removed",
    "V12": "merged, deleted, undeleted, anonymised",
    "V13": "webhook deleted or banned",
    "V14": "webhook list full, right lost",
    "V15": "test account and live account mixed up",
    # Webhook input
    "W1": "wrong, missing or old proof, another tenant's token",
    "W2": "one event many times at once",
    "W3": "create and updates within a moment, in any order",
    "W4": "update after delete, old after new",
    "W5": "echoes of our own writes",
    "W6": "a captured request sent again",
    "W7": "bodies of every wrong size and kind",
    "W8": "e-mail addresses of every kind",
    "W9": "names that are code",
    "W10": "empty, null and absent",
    "W11": "one bad event in a batch",
    "W12": "unknown event type or version",
    "W13": "a burst far beyond what is usual",
    "W14": "one tenant sends nearly everything",
    "W15": "hostile XML",
    "W16": "impossible dates and amounts",
    "W17": "methods, paths and headers that trick",
    # People, consent, tenants
    "H1": "opt-out while a Fetch All says Yes",
    "H2": "address changed after the opt-in",
    "H3": "two people, one address, one opted out",
    "H4": "opt-in mails on, key missing",
    "H5": "settings changed, uninstalled, installed again in mid-run",
    "H6": "bulk replay of what is done",
    "H7": "another tenant's ids in every place",
    "H8": "addresses that point inside",
    "H9": "OAuth callback with the wrong state, code or account",
    "H10": "erasure while changes of the person wait",
    "H11": "secrets in every input",
    "H12": "mass deletion at the source",
    "H13": "yesterday's database restored",
    "H14": "keys rotated under traffic",
    "H15": "attacks on the console",
    # Years of running
    "E1": "an odd event, recipe, integration or id",
    "E2": "what gets nowhere: pages, runs, jobs of flows that are gone",
    "E3": "a token that ends before its time",
    "E4": "a limit that concerns only some calls, or the customer's share",
    "E5": "clocks that differ",
    "E6": "an uninstall or a restore that was broken off",
    "E7": "two workers at the same rows",
}

# Rows that cannot happen on the embedded stack, and why.
NOT_EMBEDDED = {
    "P6": "a file is not cut off; its locks are row P7",
}

# Rows that no test of ours can run, and why; what is measured instead.
ELSEWHERE = {
    "P13": "a matter of speed: `make bench BENCH=intake` measures the intake beside a million waiting rows",
}
