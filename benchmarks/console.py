"""How fast are the console's lists and its person page over millions of rows? PostgreSQL, against the stock admin.

Fills a database of its own (named by DATABASE_URL, with `_console` behind it) once and keeps it for the next run;
`--rows` sets how many rows of log and of events.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import environ

from benchmarks.figures import Figure, at_most, median_ms, show

ROWS = 5_000_000
TIMES = 15
PORTION = 500_000
TENANTS = 40


def run(*, stack: str, rows: int, as_json: bool, short: bool) -> bool:
    """Prepare the database, then measure."""
    rows = rows or ROWS
    _own_database()
    import django

    django.setup()
    _fill(rows)
    return show(_figures(rows), as_json=as_json)


def _own_database() -> None:
    """Point the settings at a PostgreSQL database of our own; made when it is not there yet."""
    import os

    import psycopg

    url = os.environ.get("DATABASE_URL", "postgres://postgres@127.0.0.1:5432/lockstep")
    parts = environ.Env.db_url_config(url)
    if "postgresql" not in parts["ENGINE"]:
        raise SystemExit(
            "This question is about PostgreSQL: set DATABASE_URL to postgres://user:password@host:5432/name."
        )
    name = f"{parts['NAME']}_console"
    login = {
        key: parts[part] for key, part in (("user", "USER"), ("password", "PASSWORD"), ("host", "HOST")) if parts[part]
    }
    with psycopg.connect(dbname="postgres", port=parts["PORT"] or 5432, autocommit=True, **login) as server:
        if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            server.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
    os.environ["DATABASE_URL"] = f"{url.rpartition('/')[0]}/{name}"


def _fill(rows: int) -> None:
    """Tenants with integrations, then log rows and events by the portion, until there are as many as asked for."""
    from django.core.management import call_command
    from django.db import connection as database

    from integration.secrets import email_hash

    call_command("migrate", verbosity=0)
    given: dict[str, Any] = {**_integrations(), "ada": email_hash("ada@example.com")}
    with database.cursor() as cursor:
        for statement, table in ((LOG, "integration_synclog"), (EVENTS, "integration_webhookevent")):
            cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 (our own names)
            there = cursor.fetchone()[0]
            while there < rows:
                portion = min(PORTION, rows - there)
                cursor.execute(statement, {"first": there, "last": there + portion - 1, "rows": rows, **given})
                there += portion
        cursor.execute("VACUUM ANALYZE")


def _integrations() -> dict[str, list[str]]:
    """Ids of the integrations and of their left connections, in one order."""
    from integration.models import Connection, Integration
    from tenants.models import Tenant

    for number in range(Integration.objects.count(), TENANTS):
        tenant = Tenant.objects.create(name=f"Tenant {number:03}")
        left, right = (
            Connection.objects.create(
                tenant=tenant, vendor=vendor, base_url="https://x.example", auth_kind="api_key", health="ok",
                external_account_id=str(number), account_name=f"Account {number}",
            )
            for vendor in ("pipedrive", "maileon")
        )  # fmt: skip
        Integration.objects.create(tenant=tenant, recipe="pipedrive_maileon", left=left, right=right, state="active")
    found = list(Integration.objects.order_by("created_at").values_list("pk", "left_id"))
    return {"integrations": [str(pk) for pk, _ in found], "connections": [str(pk) for _, pk in found]}


# Six months of log, a month of events, of 300,000 people; one of them comes by every 50,000 rows.
LOG = """
INSERT INTO integration_synclog (integration_id, flow, source_id, target_id, email_hash, outcome, action, reason,
    detail, changes, created_at)
SELECT (%(integrations)s::uuid[])[1 + n %% array_length(%(integrations)s::uuid[], 1)], 'person_to_contact',
    (n %% 200000)::text, '9001-' || (n %% 200000), CASE WHEN n %% 50000 = 0 THEN %(ada)s
        ELSE lpad(to_hex((n * 7919::bigint) %% 300000), 32, '0') END,
    (ARRAY['synced','synced','synced','skipped','skipped','failed'])[1 + n %% 6],
    CASE WHEN n %% 6 < 3 THEN 'update' ELSE '' END,
    (ARRAY['','','','unchanged','no_email','record_refused'])[1 + n %% 6], '',
    '{"FIRSTNAME": ["Ada", "Ada Maria"], "LASTNAME": ["L", "Lovelace"]}'::jsonb,
    now() - interval '180 days' * (1 - n::float / %(rows)s)
FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
"""
EVENTS = """
INSERT INTO integration_webhookevent (connection_id, vendor_event, object_type, external_id, email_hash, dedupe_key,
    occurred_at, received_at, payload, state, reason, routed_at)
SELECT (%(connections)s::uuid[])[1 + n %% array_length(%(connections)s::uuid[], 1)], 'person.change', 'person',
    (n %% 200000)::text, CASE WHEN n %% 50000 = 0 THEN %(ada)s
        ELSE lpad(to_hex((n * 7919::bigint) %% 300000), 32, '0') END, 'k' || n,
    now() - interval '30 days' * (1 - n::float / %(rows)s), now() - interval '30 days' * (1 - n::float / %(rows)s),
    '{"name": "Ada Lovelace"}'::jsonb, (ARRAY['routed','routed','ignored'])[1 + n %% 3],
    (ARRAY['','','unhandled_event'])[1 + n %% 3], now()
FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
"""


def _figures(rows: int) -> Iterator[Figure]:
    client = _browser()
    baseline = _stock_admin(client)
    millions = f"{rows / 1e6:g} M rows"
    for name, path in PAGES.items():
        value = median_ms(partial(_open, client, path), TIMES)
        table = "events" if "event" in path else "log"
        yield at_most(f"{name}, {millions}", value, "ms", 300 if name.startswith("find") else LIMITS.get(name, 300),
                      baseline[table])  # fmt: skip


LIMITS = {"log, first page": 150, "events, first page": 150}
_LOG, _EVENT = "/admin/integration/synclog/", "/admin/integration/webhookevent/"
PAGES = {
    "log, first page": _LOG,
    "log, page 200": f"{_LOG}?p=200",
    "log, failed ones": f"{_LOG}?outcome__exact=failed",
    "log, last 24 hours": f"{_LOG}?since=24h",
    "log, by reason": f"{_LOG}?reason=no_email",
    "log, search by address": f"{_LOG}?q=ada@example.com",
    "log, search by id": f"{_LOG}?q=4711",
    "events, first page": _EVENT,
    "events, ignored ones": f"{_EVENT}?state__exact=ignored",
    "events, search by id": f"{_EVENT}?q=4711",
    "find by address": "/admin/find/?q=ada@example.com",
    "find by id": "/admin/find/?q=4711",
    "front page": "/admin/",
}


def _browser() -> Any:
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    settings.ALLOWED_HOSTS = ["testserver"]
    users = get_user_model().objects
    operator = users.filter(username="bench").first() or users.create_superuser("bench", "bench@example.com", "x")
    client = Client()
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    return client


def _open(client: Any, path: str) -> None:
    answer = client.get(path)
    if answer.status_code != 200:
        raise SystemExit(f"{path} answered {answer.status_code}")


def _stock_admin(client: Any) -> dict[str, float]:
    """The same first pages, drawn alike, with Django's own paginator and full count; milliseconds."""
    from unittest.mock import patch

    from django.contrib.admin import ModelAdmin
    from django.core.paginator import Paginator

    from integration.admin.core.base import BigTable

    counting: dict[str, Any] = {
        "paginator": Paginator, "show_full_result_count": True, "get_changelist": ModelAdmin.get_changelist,
    }  # fmt: skip
    with patch.multiple(BigTable, **counting):
        return {
            "log": median_ms(lambda: _open(client, _LOG), 3, warm=1),
            "events": median_ms(lambda: _open(client, _EVENT), 3, warm=1),
        }
