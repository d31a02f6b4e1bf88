from __future__ import annotations

from tests.sandbox.probes.look import Look, Probe, shape, until_refused

ADA = {"email": "ada@example.com", "attributes": {"FIRSTNAME": "Ada", "SMS": "+31612345678"}}


def _made(look: Look, **more) -> int:
    return int(look.brevo("POST", "/contacts", json={**ADA, **more}).json()["id"])


def _read(look: Look, number: int):
    return look.brevo("GET", f"/contacts/{number}").json()


def _limited(look: Look):
    return shape(until_refused(lambda: look.brevo("GET", "/contacts")))


def _attributes(look: Look, **values):
    number = _made(look)
    status = look.brevo("PUT", f"/contacts/{number}", json={"attributes": values}).status_code
    return status, _read(look, number)["attributes"]


def _clash(look: Look):
    _made(look)
    other = look.brevo("POST", "/contacts", json={"email": "bob@example.com"}).json()["id"]
    body = {"attributes": {"SMS": "+31612345678"}}
    return look.brevo("PUT", f"/contacts/{other}", json=body).json()["code"]


def _attribute(look: Look, kind: str, **body) -> None:
    path = f"/contacts/attributes/{'category' if kind == 'category' else 'normal'}/LEVEL"
    made = look.brevo("POST", path, json=body or {"type": kind})
    assert made.ok, made.text


def _category(look: Look):
    _attribute(look, "category", enumeration=[{"value": 1, "label": "Gold"}])
    return _attributes(look, LEVEL="Gold")[1].get("LEVEL")


def _imported(look: Look, *rows):
    look.control("PATCH", "/brevo/801", {"import_delay_s": 0})
    process = look.brevo("POST", "/contacts/import", json={"jsonBody": list(rows), "listIds": [60]}).json()["processId"]
    return look.brevo("GET", f"/processes/{process}").json()["info"]["import"]


def _false(look: Look):
    _attribute(look, "boolean")
    _imported(look, {"email": "eve@example.com", "attributes": {"LEVEL": False}})
    return look.brevo("GET", "/contacts/eve%40example.com").json()["attributes"].get("LEVEL")


def _left(look: Look):
    number = _made(look, listIds=[60])
    look.control("POST", f"/brevo/801/contacts/{number}/unsubscribe", {"list": 60})
    look.brevo("PUT", f"/contacts/{number}", json={"listIds": [60]})
    return _read(look, number)["listIds"]


def _heard(look: Look, count: int, act):
    hook = {"url": f"{look.receiver.url}/hook", "events": ["contactUpdated"], "type": "marketing", "description": "t"}
    assert look.brevo("POST", "/webhooks", json=hook).ok
    act()
    return look.heard(count)


def _of_creation(look: Look):
    return len(_heard(look, 1, lambda: (_made(look), look.sandbox.wait_until_delivered())))


def _of_change(look: Look):
    number = _made(look)
    [body] = _heard(look, 1, lambda: look.brevo("PUT", f"/contacts/{number}", json={"attributes": {"LASTNAME": "L"}}))
    return sorted(body)


def _of_import(look: Look):
    _made(look)
    rows = {"email": "ada@example.com", "attributes": {"FIRSTNAME": "A"}}, {"email": "bob@example.com"}
    return [type(body.get("email")) for body in _heard(look, 1, lambda: _imported(look, *rows))]


def _unknown_person(look: Look):
    event = {"event_name": "won", "identifiers": {"email_id": "nobody@example.com"}}
    return look.brevo("POST", "/events", json=event).status_code


def _twice(look: Look):
    _made(look)
    return look.brevo("POST", "/contacts", json={**ADA, "updateEnabled": True, "getId": True}).status_code


def _members(look: Look):
    return look.brevo("POST", "/contacts/lists/60/contacts/add", json={"ids": [999]}).status_code


def _cleared(look: Look):
    made = look.brevo("POST", "/companies", json={"name": "Engines", "attributes": {"domain": "e.example"}}).json()
    look.brevo("PATCH", f"/companies/{made['id']}", json={"attributes": {"domain": None}})
    return look.brevo("GET", f"/companies/{made['id']}").json()["attributes"]["domain"]


def _deals(look: Look, count: int):
    look.control("PATCH", "/brevo/801", {"plan": "unlimited"})
    for n in range(count):
        look.brevo("POST", "/crm/deals", json={"name": f"Deal {n}"})
    return look.brevo("GET", "/crm/deals?limit=60").json()["items"]


def _stage_alone(look: Look) -> int:
    stage = look.brevo("GET", "/crm/pipeline/details/all").json()[0]["stages"][1]["id"]
    return look.brevo("POST", "/crm/deals", json={"name": "Deal", "attributes": {"deal_stage": stage}}).status_code


PROBES: dict[str, Probe] = {
    "brevo.crm_null": _cleared,
    "brevo.deals_page": lambda look: len(_deals(look, 51)),
    "brevo.no_deals": lambda look: _deals(look, 0),
    "brevo.stage_alone": _stage_alone,
    "brevo.body_429": lambda look: _limited(look)[2],
    "brevo.retry_after": lambda look: _limited(look)[1],
    "brevo.limit_headers": lambda look: look.brevo("GET", "/contacts").headers["x-sib-ratelimit-limit"],
    "brevo.small_tier": lambda look: look.brevo("GET", "/events").headers["x-sib-ratelimit-limit"],
    "brevo.unknown_attribute": lambda look: _attributes(look, NOWHERE="x")[0],
    "brevo.upsert_answer": _twice,
    "brevo.clash_code": _clash,
    "brevo.category_labels": _category,
    "brevo.import_false": _false,
    "brevo.null_clears": lambda look: _attributes(look, FIRSTNAME=None)[1].get("FIRSTNAME"),
    "brevo.stored_phone": lambda look: _read(look, _made(look))["attributes"]["SMS"],
    "brevo.rejoin": _left,
    "brevo.all_failed": _members,
    "brevo.report_form": lambda look: type(_imported(look, {"email": "nonsense"})["invalid_emails"]),
    "brevo.event_on_create": _of_creation,
    "brevo.event_of_import": _of_import,
    "brevo.event_form": lambda look: "email" in _of_change(look),
    "brevo.event_time": lambda look: "ts" in _of_change(look),
    "brevo.unknown_person": _unknown_person,
}
