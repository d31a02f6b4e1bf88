from __future__ import annotations

from sandbox.leadboxer.seed import LOGIN, SITE
from tests.sandbox.probes.look import DATASET, LEADS, Look, Probe, shape, until_refused


def _listed(look: Look, count: int = 1, **params: str):
    look.control("POST", f"/leadboxer/401/{SITE}/seed", {"count": count, "score": 40})
    return look.leadboxer("GET", "/leads", params={**LEADS, **params}).json()


def _stale(look: Look):
    first = _listed(look, 3, limit="2")
    token = next(value for key, value in first.items() if key != "data")
    look.control("POST", "/time", {"advance_seconds": 700})
    return look.leadboxer("GET", "/leads", params={**LEADS, "limit": "2", "nextToken": token}).status_code


def _visits(look: Look):
    lead = look.control("POST", f"/leadboxer/401/{SITE}/track", {"url": "https://acme.example/"})["lead"]
    return look.leadboxer("GET", "/leads/sessions", params={"site": SITE, "leadId": lead}).json()


def _visit_keys(look: Look):
    answer = _visits(look)
    return sorted((answer["data"] if isinstance(answer, dict) else answer)[0])


PROBES: dict[str, Probe] = {
    "leadboxer.token_key": lambda look: sorted(_listed(look, 60)),
    "leadboxer.token_at_end": lambda look: len(_listed(look)),
    "leadboxer.stale_token": _stale,
    "leadboxer.page_cap": lambda look: len(_listed(look, 60, limit="60")["data"]),
    "leadboxer.score_included": lambda look: len(_listed(look, criteriaLeadscoreFilter="40")["data"]),
    "leadboxer.score_key": lambda look: [key for key in _listed(look)["data"][0] if "score" in key],
    "leadboxer.datasets_path": lambda look: (
        look.leadboxer("GET", "/user-datasets", params={"email": LOGIN}).status_code
    ),
    "leadboxer.envelope": lambda look: type(_visits(look)),
    "leadboxer.visit_keys": _visit_keys,
    "leadboxer.criteria_keys": lambda look: (
        "criteriaTextFilter" in look.leadboxer("GET", "/segments", params=DATASET).text
    ),
    "leadboxer.error_form": lambda look: shape(look.leadboxer("GET", "/leads")),
    "leadboxer.retry_header": lambda look: shape(until_refused(lambda: look.leadboxer("GET", "/leads", params=LEADS))),
    "leadboxer.foreign_dataset": lambda look: (
        look.leadboxer("GET", "/leads", params={**LEADS, "site": "0" * 32}).status_code
    ),
}
