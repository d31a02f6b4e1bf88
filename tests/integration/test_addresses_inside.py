"""A typed address never leads inside: refused in both forms when it is saved, and again when a call is made."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from integration import guard, http
from integration.connectors.base import Credentials
from integration.connectors.registry import CONNECTORS, get_connector
from integration.engine.clients import connection_health
from integration.errors import IntegrationError, TenantActionError
from integration.http import Instrumentation
from integration.models import Connection, VendorCall
from integration.recipes.registry import RECIPES, get_recipe
from tests.support.factories import ConnectionFactory, MemberFactory, TenantFactory, UserFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.chaos("H8")]
INSIDE = (
    "http://169.254.169.254/", "https://169.254.169.254/latest/meta-data", "https://127.0.0.1", "https://localhost",
    "https://[::1]", "https://[::ffff:127.0.0.1]", "https://0x7f.1", "https://2130706433", "https://017700000001",
    "https://10.0.0.1", "file:///etc/passwd", "gopher://127.0.0.1:6379/_x", "https://x@127.0.0.1",
    "https://acme.pipedrive.com.evil.example", "https://evil.example/.pipedrive.com",
    "https://evil.example#.pipedrive.com",
    "https://evil.example?.planhat.com", "https://api.planhat.com.evil.example", "https://evil.example\\.pipedrive.com",
    "https://127。0。0。1", "ftp://acme.pipedrive.com@127.0.0.1",
)  # fmt: skip
# Whose address is typed by the tenant (the others have one of their own); operators may type any.
TYPED = [key for key in CONNECTORS if not get_connector(key).default_base_url]
KEYED = [key for key in CONNECTORS if set(get_connector(key).auth_kinds) & {"api_key", "api_token"}]


@pytest.fixture(autouse=True)
def outside(settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """No sandbox is allowed here, and whoever opens a socket is noted."""
    settings.SANDBOX_URL = ""
    opened: list[Any] = []
    monkeypatch.setattr(socket, "getaddrinfo", _unknown)
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: opened.append(address) or _refuse())
    yield opened
    assert opened == [], "a socket was opened"


def _unknown(*args: Any, **more: Any) -> None:
    raise socket.gaierror(-2, "Name or service not known")


def _refuse() -> None:
    raise ConnectionRefusedError


@pytest.mark.parametrize("vendor", TYPED)
def test_the_tenants_form_refuses_it(vendor: str) -> None:
    recipe, side = next(
        (key, side) for key in RECIPES for side in ("left", "right") if getattr(get_recipe(key), side) == vendor
    )
    member, client = MemberFactory(), Client()
    client.force_login(member.user)
    page = reverse("portal:connect", kwargs={"tenant_id": member.tenant_id}) + f"?recipe={recipe}"

    for address in INSIDE:
        answer = client.post(page, {f"{side}-base_url": address, f"{side}-secret": "k" * 40})

        assert answer.status_code == 422, address
        assert not Connection.objects.exists(), address
    assert not VendorCall.objects.exists()


@pytest.mark.parametrize("vendor", KEYED)
def test_the_operators_form_refuses_it(vendor: str) -> None:
    client = Client()
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    tenant, page = str(TenantFactory().pk), f"{reverse('admin:integration_connection_add')}?vendor={vendor}"

    for address in INSIDE:
        form = {"tenant": tenant, "base_url": address, "secret": "k" * 40, "email": "a@example.com"}
        answer = client.post(page, form)

        if not Connection.objects.exists():
            assert answer.status_code == 200, address
        else:  # a bare word is the name of a Pipedrive company
            assert vendor == "pipedrive"
            assert Connection.objects.get().base_url.endswith(".pipedrive.com"), address
            VendorCall.objects.all().delete()
            Connection.objects.all().delete()
        assert not VendorCall.objects.exists(), address


@pytest.mark.parametrize("vendor", CONNECTORS)
def test_a_row_that_has_it_all_the_same_is_never_called(vendor: str, outside: list[Any]) -> None:
    """However it came into the table: a restore, a command, an older version."""
    connector = get_connector(vendor)
    secrets = {name: "k" * 40 for name in ("api_key", "api_token", "access_token", "refresh_token", *connector.asks)}
    for address in INSIDE:
        with pytest.raises((IntegrationError, guard.AddressRefused)):
            connector.check(connector.open(Credentials(connector.auth_kinds[0], address, secrets), Instrumentation()))
        assert not outside, address


def test_the_check_of_such_a_row_says_so_and_marks_it() -> None:
    connection = ConnectionFactory(base_url="https://169.254.169.254")

    assert connection_health.check(connection) is False
    assert (connection.health, connection.health_reason) == ("needs_you", "address_refused")
    assert "169.254" not in connection.health_detail


@pytest.mark.parametrize("vendor", TYPED)
@pytest.mark.parametrize("inside", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::1", "::ffff:127.0.0.1"])
def test_a_name_of_the_vendors_that_leads_inside_is_not_called(
    vendor: str, inside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = socket.AF_INET6 if ":" in inside else socket.AF_INET
    public = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 443))
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *args, **more: [public, (kind, socket.SOCK_STREAM, 6, "", (inside, 443))]
    )
    connector = get_connector(vendor)
    host = connector.policy.hosts[0]
    address = f"https://{'rebinding' + host if host.startswith('.') else host}"

    transport = http.Transport(connector.label, address, connector.policy, headers={})
    with pytest.raises(TenantActionError) as refused:
        transport.request("GET", "/", effect=http.Effect.READ)

    assert refused.value.reason == "address_refused"
    assert inside not in f"{refused.value.public} {refused.value.detail}"


def test_a_name_that_changes_its_answer_leads_nobody_inside(monkeypatch: pytest.MonkeyPatch, outside: Any) -> None:
    """Rebinding: public when it is checked, inside when it is used. What was checked is what is used."""
    asked: list[str] = []

    def rebinding(host: str, *args: Any, **more: Any) -> Any:
        asked.append(host)
        address = "93.184.215.14" if len(asked) == 1 else "127.0.0.1"
        found = host if host[0].isdigit() else address
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (found, 443))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    policy = get_connector("pipedrive").policy
    transport = http.Transport("Pipedrive", "https://rebinding.pipedrive.com", policy, headers={})
    with pytest.raises(IntegrationError):
        transport.request("POST", "/", effect=http.Effect.WRITE)

    assert set(outside) == {("93.184.215.14", 443)}
    outside.clear()
