from __future__ import annotations

from xml.etree.ElementTree import fromstring

from tests.sandbox.probes.look import Look, Probe

ADA, BOB = "/contacts/email/ada%40example.com", "/contacts/email/bob%40example.com"
NOBODY = "<contact/>"


def _made(look: Look, query: str = "permission=1") -> None:
    look.maileon("POST", f"{ADA}?{query}&sync_mode=1", data="<contact><external_id>x1</external_id></contact>")


def _gone(look: Look):
    _made(look)
    look.maileon("DELETE", f"{ADA}/unsubscribe")
    look.control("POST", "/time", {"advance_seconds": 2})
    return len(fromstring(look.maileon("GET", "/contacts?page_index=1").content))


def _time(look: Look):
    _made(look)
    return fromstring(look.maileon("GET", ADA).content).findtext("created")[:13]


def _taken(look: Look):
    _made(look)
    look.maileon("POST", f"{BOB}?permission=1", data=NOBODY)
    return look.maileon("PUT", ADA, data="<contact><email>bob@example.com</email></contact>").status_code


def _source(look: Look):
    _made(look)
    look.maileon("DELETE", f"{ADA}/unsubscribe")
    return fromstring(look.maileon("GET", "/reports/unsubscriptions?page_index=1").content)[0].findtext("source")


def _message(look: Look):
    hook = {"url": f"{look.receiver.url}/hook", "event": "unsubscription", "eventFields": ["msg_id"]}
    assert look.maileon("POST", "/webhooks", json=hook, headers={"content-type": "application/json"}).ok
    _made(look)
    look.control("POST", "/maileon/501/unsubscribe", {"email": "ada@example.com", "msg_id": 12})
    return look.heard(1)[0]["msg_id"]


def _asked_again(look: Look):
    _made(look, "permission=1&doi=true&doimailing=welcome")
    look.control("POST", "/maileon/501/click-doi", {"email": "ada@example.com"})
    _made(look, "permission=1&doi=true&doimailing=welcome")
    return len(look.control("GET", "/maileon/501/doi-mails"))


def _many(look: Look):
    rows = "".join(f"<contact><email>p{n}@example.com</email></contact>" for n in range(1001))
    return look.maileon("POST", "/contacts?permission=1", data=f"<contacts>{rows}</contacts>").status_code


PROBES: dict[str, Probe] = {
    "maileon.unknown_external_id": lambda look: look.maileon("GET", "/contacts/externalid/nobody").status_code,
    "maileon.anonymous_listed": _gone,
    "maileon.zone": _time,
    "maileon.address_taken": _taken,
    "maileon.unsubscribe_method": _source,
    "maileon.msg_id": _message,
    "maileon.resend_doi": _asked_again,
    "maileon.most_in_bulk": _many,
}
