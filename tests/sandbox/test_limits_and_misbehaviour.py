"""Rate limits, and the switches that make vendors fail."""

from __future__ import annotations

import threading
import time

from sandbox.thread import SandboxThread


def statuses(pipedrive, path, count):
    return [pipedrive("GET", path).status_code for _ in range(count)]


def test_burst_limit_tells_its_state_in_headers(sandbox, pipedrive):
    sandbox.control("PATCH", "/pipedrive/acme", {"plan": "lite"})
    first = pipedrive("GET", "/api/v2/pipelines")
    assert (first.headers["x-ratelimit-limit"], first.headers["x-ratelimit-remaining"]) == ("20", "19")
    assert statuses(pipedrive, "/api/v2/pipelines", 19) == [200] * 19
    refused = pipedrive("GET", "/api/v2/pipelines")
    assert (refused.status_code, refused.headers["x-ratelimit-remaining"]) == (429, "0")
    assert int(refused.headers["x-ratelimit-reset"]) <= 2
    sandbox.control("POST", "/time", {"advance_seconds": 2.1})
    assert pipedrive("GET", "/api/v2/pipelines").status_code == 200


def test_search_has_its_own_small_window(pipedrive):
    assert statuses(pipedrive, "/api/v2/persons/search?term=ada", 11) == [200] * 10 + [429]
    assert pipedrive("GET", "/api/v2/persons").status_code == 200


def test_ignoring_429_ends_in_a_html_403(sandbox, pipedrive):
    sandbox.control("PATCH", "/pipedrive/acme", {"plan": "lite"})
    answers = [pipedrive("GET", "/api/v2/pipelines/1") for _ in range(60)]
    assert answers[-1].status_code == 403
    assert answers[-1].headers["content-type"].startswith("text/html")
    sandbox.control("POST", "/time", {"advance_seconds": 130})
    assert pipedrive("GET", "/api/v2/pipelines/1").status_code == 200


def test_daily_budget_is_spent_by_cost_and_back_after_midnight(sandbox, pipedrive):
    sandbox.control("POST", "/misbehave", {"vendor": "pipedrive", "account": "acme", "daily_budget_left": 12})
    first = pipedrive("GET", "/api/v2/persons")
    assert first.headers["x-daily-ratelimit-token-remaining"] == "2"
    refused = pipedrive("GET", "/api/v2/persons")
    assert (refused.status_code, refused.headers["x-daily-ratelimit-token-remaining"]) == (429, "0")
    assert int(refused.headers["x-ratelimit-reset"]) > 0
    sandbox.control("POST", "/time", {"advance_seconds": 86400})
    assert pipedrive("GET", "/api/v2/persons").status_code == 200


def test_planned_failure_before_and_after_the_write(sandbox, pipedrive):
    plan = {"status": 503, "times": 1, "method": "POST", "path_contains": "persons"}
    failures = [plan | {"after": True, "body": "html"}, plan | {"retry_after": 7}]
    sandbox.control("POST", "/misbehave", {"vendor": "pipedrive", "account": "acme", "fail_next": failures})
    assert pipedrive("GET", "/api/v2/persons").status_code == 200

    lost = pipedrive("POST", "/api/v2/persons", json={"name": "Committed"})
    refused = pipedrive("POST", "/api/v2/persons", json={"name": "Never"})

    assert (lost.status_code, lost.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "7")
    names = [row["name"] for row in pipedrive.data("GET", "/api/v2/persons")]
    assert "Committed" in names
    assert "Never" not in names


def test_error_rate_follows_the_seed_and_is_cleared(sandbox, pipedrive):
    def draw():
        sandbox.control("POST", "/settings", {"seed": 7})
        return statuses(pipedrive, "/api/v2/pipelines/1", 12)

    sandbox.control("POST", "/misbehave", {"vendor": "pipedrive", "error_rate": 0.5, "error_status": 502})
    first = draw()
    assert first == draw()
    assert set(first) == {200, 502}
    sandbox.control("DELETE", "/misbehave")
    assert set(statuses(pipedrive, "/api/v2/pipelines/1", 12)) == {200}


def test_latency_lets_many_requests_wait_at_once(sandbox, pipedrive):
    sandbox.control("POST", "/misbehave", {"vendor": "pipedrive", "latency_ms": 200})
    started = time.monotonic()
    threads = [threading.Thread(target=pipedrive, args=("GET", "/api/v2/pipelines/1")) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0.2 <= time.monotonic() - started < 1.5


def test_switches_of_one_account_leave_the_others_alone(sandbox, pipedrive):
    other = sandbox.control("POST", "/pipedrive/companies", {"domain": "globex"})
    switches = {"vendor": "pipedrive", "account": "globex", "error_rate": 1, "error_status": 500}
    sandbox.control("POST", "/misbehave", switches)
    headers = {"x-api-token": other["api_token"]}
    assert pipedrive.session.get(f"{other['url']}/v1/users/me", headers=headers).status_code == 500
    assert pipedrive("GET", "/v1/users/me").status_code == 200


def test_expired_maileon_key(sandbox, maileon):
    sandbox.control("POST", "/misbehave", {"vendor": "maileon", "account": "501", "expire_tokens": True})
    assert maileon("GET", "/ping").status_code == 401
    sandbox.control("PATCH", "/maileon/501", {"expired": False})
    assert maileon("GET", "/ping").status_code == 200


def test_journal_tells_what_was_called(sandbox, pipedrive, maileon):
    pipedrive("POST", "/api/v2/persons", json={"name": "Ada"})
    maileon("GET", "/ping")
    calls = sandbox.control("GET", "/calls?vendor=pipedrive&account=acme")
    assert [(call["method"], call["path"], call["status"]) for call in calls] == [
        ("POST", "/pipedrive/acme/api/v2/persons", 200)
    ]
    assert calls[0]["body"] == '{"name": "Ada"}'
    assert len(sandbox.control("GET", f"/calls?since={calls[0]['n']}")) == 1
    sandbox.control("DELETE", "/calls")
    assert sandbox.control("GET", "/calls") == []


def test_reset_brings_the_default_back(sandbox, pipedrive):
    pipedrive("DELETE", "/api/v2/persons/1")
    sandbox.control("POST", "/pipedrive/companies", {"domain": "globex"})
    sandbox.reset()
    assert pipedrive.data("GET", "/api/v2/persons/1")["is_deleted"] is False
    assert [company["domain"] for company in sandbox.control("GET", "/pipedrive/companies")] == ["acme"]


def test_a_second_sandbox_stands_beside_the_first(sandbox, pipedrive):
    pipedrive("DELETE", "/api/v2/persons/1")
    with SandboxThread() as other:
        assert other.url != sandbox.url
        assert len(other.state.pipedrive.companies["acme"].tables["person"]) == 4
        assert other.control("GET", "/healthz")["ok"] is True


def test_wrong_control_calls_say_so(sandbox, pipedrive):
    control = f"{sandbox.url}/_control"
    assert pipedrive.session.get(f"{control}/nope").status_code == 404
    assert pipedrive.session.post(f"{control}/pipedrive/companies", json={"domain": "acme"}).status_code == 400
    assert pipedrive.session.post(f"{control}/maileon/999/click-doi", json={"email": "x"}).status_code == 404
    assert pipedrive.session.post(f"{control}/reset", data="[1]").status_code == 200


def test_somebody_deletes_a_custom_field(sandbox, pipedrive):
    body = {"field_name": "Newsletter", "field_type": "varchar"}
    code = pipedrive.data("POST", "/api/v2/personFields", json=body)["field_code"]
    sandbox.control("DELETE", f"/pipedrive/acme/personFields/{code}")
    assert pipedrive("GET", f"/api/v2/personFields/{code}").status_code == 404
