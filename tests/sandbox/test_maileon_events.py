"""Maileon unsubscriptions, reports, webhooks and transactions."""

from __future__ import annotations

import json
import time

import pytest
from defusedxml.ElementTree import fromstring

ADA = "/contacts/email/ada%40example.com"
TYPE = (
    "<transaction_type><name>pipedrive_deal_added</name><attributes>"
    "<attribute><name>deal_id</name><type>integer</type><required>true</required></attribute>"
    "<attribute><name>timestamp</name><type>timestamp</type><required>false</required></attribute>"
    "<attribute><name>transaction_id</name><type>string</type><required>false</required></attribute>"
    "</attributes></transaction_type>"
)


def contact(maileon, path=ADA, external_id="9001-1"):
    body = f"<contact><external_id>{external_id}</external_id></contact>"
    assert maileon("POST", f"{path}?permission=2", data=body).status_code == 201


def hook(maileon, receiver, event, **more):
    body = {"url": f"{receiver.url}/hook?fixed=1", "event": event, "standardFields": ["email", "external_id"]} | more
    answer = maileon("POST", "/webhooks", data=json.dumps(body), headers={"content-type": "application/json"})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def settle(sandbox, receiver, count):
    deadline = time.monotonic() + 5
    while len(receiver.got) < count and time.monotonic() < deadline:
        time.sleep(0.005)
    sandbox.wait_until_delivered()
    assert len(receiver.got) == count


def report(maileon, name, query=""):
    answer = maileon("GET", f"/reports/{name}?{query}")
    assert answer.status_code == 200, answer.text
    return list(fromstring(answer.content))


def test_unsubscribing_is_asynchronous_and_anonymises(sandbox, maileon):
    contact(maileon)
    assert maileon("DELETE", f"{ADA}/unsubscribe?reason=no_demand%7Cbored").status_code == 204
    assert maileon("GET", ADA).status_code == 200
    sandbox.control("POST", "/time", {"advance_seconds": 1})
    assert maileon("GET", ADA).status_code == 404
    assert maileon("DELETE", f"{ADA}/unsubscribe").status_code == 404
    assert maileon("GET", f"{ADA}/unsubscription").status_code == 200

    row = report(maileon, "unsubscriptions", "emails=ada%40example.com")[0]
    assert row.findtext("source") == "other"
    assert row.find("contact").get("anonymous") == "true"
    assert (row.findtext("contact/email"), row.findtext("contact/external_id")) == (None, "9001-1")


def test_resubscribing_gives_a_new_id(sandbox, maileon):
    contact(maileon)
    first = fromstring(maileon("GET", ADA).content).findtext("id")
    maileon("DELETE", f"{ADA}/unsubscribe")
    sandbox.control("POST", "/time", {"advance_seconds": 1})
    contact(maileon)
    assert fromstring(maileon("GET", ADA).content).findtext("id") != first


def test_unsubscribe_by_external_id_hits_every_match(sandbox, maileon):
    contact(maileon)
    contact(maileon, "/contacts/email/bob%40example.com")
    assert maileon("DELETE", "/contacts/externalid/9001-1/unsubscribe").status_code == 204
    assert len(report(maileon, "unsubscriptions")) == 2


def test_unsealed_mailing_and_unknown_reason_are_refused(sandbox, maileon):
    contact(maileon)
    assert maileon("DELETE", f"{ADA}/unsubscribe?mailingId=7").status_code == 400
    assert maileon("DELETE", f"{ADA}/unsubscribe?reason=because").status_code == 400
    sandbox.control("PATCH", "/maileon/501", {"sealed_mailings": [7]})
    assert maileon("DELETE", f"{ADA}/unsubscribe?mailingId=7").status_code == 204


def test_marker_has_its_own_life(maileon):
    path = f"{ADA}/unsubscription"
    assert [maileon(verb, path).status_code for verb in ("GET", "DELETE", "PUT", "PUT", "GET", "DELETE")] == [
        404, 404, 201, 200, 200, 200,
    ]  # fmt: skip
    assert maileon("GET", "/contacts/email/nonsense/unsubscription").status_code == 400


def test_deleting_is_not_unsubscribing(maileon):
    contact(maileon)
    assert maileon("DELETE", ADA).status_code == 204
    assert maileon("GET", f"{ADA}/unsubscription").status_code == 404
    assert report(maileon, "unsubscriptions") == []


def test_report_dates_are_milliseconds(maileon):
    contact(maileon)
    maileon("DELETE", f"{ADA}/unsubscribe")
    now = int(time.time() * 1000)
    assert len(report(maileon, "unsubscriptions", f"from_date={now - 60_000}&to_date={now + 60_000}")) == 1
    assert report(maileon, "unsubscriptions", f"to_date={now - 60_000}") == []
    assert maileon("GET", "/reports/unsubscriptions?from_date=2026-01-01").status_code == 400
    assert fromstring(maileon("GET", "/reports/unsubscriptions/count").content).text == "1"


def test_bounces_and_blocks(sandbox, maileon, receiver):
    hook(maileon, receiver, "bounce")
    contact(maileon)
    sandbox.control("POST", "/maileon/501/bounce", {"email": "ada@example.com"})
    assert report(maileon, "bounces")[0].findtext("type") == "permanent"
    assert report(maileon, "blocks")[0].findtext("new_status") == "blocked"
    blocked = fromstring(maileon("GET", "/contacts/blocked?page_index=1").content)
    assert blocked[0].findtext("blocking_reason") == "bounce_policy"
    settle(sandbox, receiver, 1)


def test_unsubscription_webhook_for_link_and_api(sandbox, maileon, receiver):
    params = [{"name": "token", "custom_value": "s 3"}, {"name": "eid", "standard_contact_field": "external_id"}]
    hook(maileon, receiver, "unsubscription", urlParams=params, eventFields=["msg_id", "method"])
    contact(maileon)
    contact(maileon, "/contacts/email/bob%40example.com", "9001-2")
    sandbox.control("POST", "/maileon/501/unsubscribe", {"email": "ada@example.com", "msg_id": 12})
    settle(sandbox, receiver, 1)
    maileon("DELETE", "/contacts/email/bob%40example.com/unsubscribe")
    settle(sandbox, receiver, 2)

    assert receiver.got[0]["path"] == "/hook?fixed=1&token=s%203&eid=9001-1"
    assert receiver.bodies()[0] == {
        "email": "ada@example.com", "external_id": "9001-1", "msg_id": "12", "method": "link",
    }  # fmt: skip
    assert receiver.bodies()[1]["method"] == "other"


def test_doi_webhook_fires_on_the_first_click_only(sandbox, maileon, receiver):
    hook(maileon, receiver, "doi")
    maileon("POST", f"{ADA}?doi=true", data="<contact/>")
    for _ in range(2):
        sandbox.control("POST", "/maileon/501/click-doi", {"email": "ada@example.com"})
    settle(sandbox, receiver, 1)
    assert receiver.bodies() == [{"email": "ada@example.com", "external_id": None}]


def test_updates_fire_nothing_and_failures_are_not_retried(sandbox, maileon, receiver):
    hook(maileon, receiver, "contact_field_change")
    hook(maileon, receiver, "unsubscription")
    contact(maileon)
    maileon("PUT", ADA, data="<contact/>")
    settle(sandbox, receiver, 0)
    receiver.status = 500
    sandbox.control("POST", "/maileon/501/unsubscribe", {"email": "ada@example.com"})
    settle(sandbox, receiver, 1)
    time.sleep(0.2)
    settle(sandbox, receiver, 1)


def test_webhook_without_fields_has_no_body(sandbox, maileon, receiver):
    hook(maileon, receiver, "doi", standardFields=[])
    maileon("POST", f"{ADA}?doi=true", data="<contact/>")
    sandbox.control("POST", "/maileon/501/click-doi", {"email": "ada@example.com"})
    settle(sandbox, receiver, 1)
    assert receiver.got[0]["raw"] == b""
    assert "content-type" not in {name.lower() for name in receiver.got[0]["headers"]}


def test_webhooks_are_managed(maileon, receiver):
    number = hook(maileon, receiver, "doi")
    listed = maileon("GET", "/webhooks/").json()
    assert [(item["id"], item["event"], item["newsletterAccountId"]) for item in listed] == [(number, "doi", 501)]
    change = {"url": "https://hub.example/x", "event": "bounce"}
    assert maileon("PUT", f"/webhooks/{number}", json=change).status_code == 200
    assert maileon("GET", f"/webhooks/{number}").json()["event"] == "bounce"
    assert maileon("DELETE", f"/webhooks/{number}").status_code == 204
    assert maileon("GET", f"/webhooks/{number}").status_code == 404
    created = maileon("POST", "/webhooks", json=change, headers={"accept": "application/vnd.maileon.api+xml"})
    assert fromstring(created.content).tag == "id"


@pytest.mark.parametrize("change", [
    {"url": "http://hub.example/x"}, {"url": "nonsense"}, {"event": "open"}, {"standardFields": ["PHONE"]},
    {"customFields": ["undeclared"]}, {"eventFields": ["nope"]}, {"urlParams": [{"custom_value": "x"}]},
])  # fmt: skip
def test_wrong_webhooks_are_refused(maileon, change):
    body = {"url": "https://hub.example/x", "event": "doi"} | change
    assert maileon("POST", "/webhooks", json=body).status_code == 400


def test_transaction_types_are_made_found_and_extended(maileon):
    created = maileon("POST", "/transactions/types", data=TYPE)
    assert created.status_code == 201
    number = fromstring(created.content).text
    assert maileon("POST", "/transactions/types", data=TYPE).status_code == 409
    assert maileon("GET", "/transactions/types/nope").status_code == 404
    found = fromstring(maileon("GET", "/transactions/types/pipedrive_deal_added").content)
    assert (found.findtext("id"), len(found.find("attributes"))) == (number, 3)
    more = TYPE.replace("</attributes>", "<attribute><name>title</name><type>string</type></attribute></attributes>")
    assert maileon("PUT", f"/transactions/types/{number}", data=more).status_code == 200
    assert maileon("PUT", f"/transactions/types/{number}", data=TYPE).status_code == 400
    for wrong in (TYPE.replace("timestamp</type>", "datetime</type>"), TYPE.replace("pipedrive_deal_added", "1deal")):
        assert maileon("POST", "/transactions/types", data=wrong).status_code == 400


def test_transactions_report_each_item_in_order(sandbox, maileon):
    maileon("POST", "/transactions/types", data=TYPE)
    contact(maileon)
    good = {"typeName": "pipedrive_deal_added", "contact": {"email": "ada@example.com"}, "content": {"deal_id": 1}}
    new = {"email": "new@example.com", "external_id": "n", "permission": 1}
    items = [
        good,
        good | {"contact": {"email": "nobody@example.com"}},
        good | {"contact": None, "import": {"contact": new}},
        good | {"content": {"deal_id": "x"}}, good | {"content": {}}, good | {"content": {"deal_id": 1, "nope": 1}},
        good | {"content": {"deal_id": 1, "timestamp": "2026-11-20T10:00:00Z"}}, good | {"typeName": "nope"},
    ]  # fmt: skip
    answer = maileon("POST", "/transactions?generate_transaction_id=true", json=items)
    reports = answer.json()["reports"]
    assert answer.status_code == 201
    assert [item["queued"] for item in reports] == [True, False, True, False, False, False, False, False]
    assert reports[2]["contact"]["created"] is True
    assert maileon("GET", "/contacts/email/new%40example.com").status_code == 200
    assert len(sandbox.control("GET", "/maileon/501/transactions")) == 2

    found = maileon("GET", f"/transactions/pipedrive_deal_added/transaction_id/{reports[0]['transaction_id']}")
    assert found.json()["tx"]["deal_id"] == 1
    assert maileon("GET", "/transactions/pipedrive_deal_added/transaction_id/none").status_code == 404


def test_strict_sending_queues_nothing_if_one_is_bad(sandbox, maileon):
    maileon("POST", "/transactions/types", data=TYPE)
    contact(maileon)
    good = {"typeName": "pipedrive_deal_added", "contact": {"email": "ada@example.com"}, "content": {"deal_id": 1}}
    bad = good | {"contact": {"email": "nobody@example.com"}}
    answer = maileon("POST", "/transactions?ignore_invalid_transactions=false", json=[good, bad])
    assert answer.status_code == 400
    assert sandbox.control("GET", "/maileon/501/transactions") == []
