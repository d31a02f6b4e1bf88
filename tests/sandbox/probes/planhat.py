from __future__ import annotations

from tests.sandbox.probes.look import Look, Probe, shape, until_refused


def _companies(look: Look, *rows):
    return look.planhat("PUT", "/companies", json=list(rows)).json()


def _notes(look: Look):
    _companies(look, {"sourceId": "7", "name": "Engines"})
    note = {"companyId": "srcid-7", "type": "note", "externalId": "n1"}
    for text in ("a", "b"):
        look.planhat("PUT", "/conversations", json=[{**note, "description": text}])
    return len(look.control("GET", "/planhat/901/state")["conversations"])


def _failed(look: Look):
    return look.planhat("PUT", "/endusers", json=[{"companyId": "srcid-99", "sourceId": "1", "email": "a@example.com"}])


def _order(look: Look):
    _companies(look, {"sourceId": "1", "name": "A"}, {"externalId": "e2", "name": "B"})
    _companies(look, {"sourceId": "1", "externalId": "e2", "city": "Rome"})
    return [row["name"] for row in look.control("GET", "/planhat/901/state")["companies"] if row.get("city")]


def _without_email(look: Look):
    _companies(look, {"sourceId": "7", "name": "Engines"})
    return look.planhat("PUT", "/endusers", json=[{"companyId": "srcid-7", "sourceId": "1"}]).status_code


def _sorted(look: Look):
    _companies(look, {"sourceId": "1", "name": "A"})
    look.control("POST", "/time", {"advance_seconds": 1})
    _companies(look, {"sourceId": "2", "name": "B"})
    return [row["name"] for row in look.planhat("GET", "/companies?sort=-updatedAt").json()]


def _unknown_custom(look: Look):
    return look.planhat("POST", "/companies", json={"name": "A", "custom": {"No such field": "x"}}).status_code


PROBES: dict[str, Probe] = {
    "planhat.note_keys": _notes,
    "planhat.bulk_status": lambda look: _failed(look).status_code,
    "planhat.key_order": _order,
    "planhat.error_form": lambda look: type(_failed(look).json()["createdErrors"][0]),
    "planhat.told_keys": lambda look: sorted(_companies(look, {"sourceId": "1", "name": "A"})["insertsKeys"][0]),
    "planhat.email_optional": _without_email,
    "planhat.error_body": lambda look: shape(look.planhat("GET", "/companies/nobody")),
    "planhat.retry_after": lambda look: shape(until_refused(lambda: look.planhat("GET", "/users")))[1],
    "planhat.sort": _sorted,
    "planhat.custom_parents": lambda look: sorted(
        {row["parent"] for row in look.planhat("GET", "/customfields").json()}
    ),
    "planhat.unknown_custom": _unknown_custom,
}
