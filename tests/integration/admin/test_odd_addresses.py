"""What nobody types by accident: a wrong id, a huge number, a NUL. It is an answer, never an error of ours."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.support import factories

pytestmark = pytest.mark.django_db
HUGE = "9" * 23
LISTS = (
    "synclog",
    "syncjob",
    "webhookevent",
    "recordlink",
    "drift",
    "vendorcall",
    "syncrun",
    "integration",
    "connection",
)


@pytest.mark.parametrize("name", LISTS)
def test_the_consoles_lists(console: Client, rows: Any, name: str) -> None:
    for query in ("integration=zzz", f"run={HUGE}", f"q={HUGE}", "q=%00", "reason=%00", "q=%C2%B2"):
        answer = console.get(reverse(f"admin:integration_{name}_changelist") + f"?{query}", follow=True)
        assert answer.status_code in (200, 400), query


@pytest.mark.parametrize("name", LISTS)
def test_the_consoles_rows(console: Client, db: None, name: str) -> None:
    for key in ("zzz", HUGE, "²", "a\0b"):
        answer = console.get(reverse(f"admin:integration_{name}_change", args=[key]))
        assert answer.status_code in (302, 400, 404), key


@pytest.mark.parametrize("code", ["²²²²²²", "\0", HUGE, "zzz"])
def test_a_second_factor_takes_no_odd_digits(console: Client, code: str) -> None:
    console.get(reverse("console-two-factor"))
    assert console.post(reverse("console-two-factor"), {"code": code}).status_code in (200, 400, 422)


@pytest.mark.parametrize(
    "query", ["activity/?q=%00", f"activity/?before={HUGE}", "activity/?q=%C2%B2", "waiting/?reason=%00"]
)
def test_the_portals_pages(db: None, query: str) -> None:
    integration = factories.IntegrationFactory()
    client = Client()
    client.force_login(factories.MemberFactory(tenant=integration.tenant, role="owner").user)
    answer = client.get(f"/t/{integration.tenant_id}/i/{integration.pk}/{query}")
    assert answer.status_code in (200, 400)


def test_a_form_with_a_nul_is_told_so(db: None) -> None:
    integration = factories.IntegrationFactory()
    client = Client()
    client.force_login(factories.MemberFactory(tenant=integration.tenant, role="owner").user)
    answer = client.post(f"/t/{integration.tenant_id}/i/{integration.pk}/record/", {"id": "a\0b"})
    assert (answer.status_code, b"NUL" in answer.content) == (400, True)
