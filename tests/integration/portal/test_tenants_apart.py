"""Tenants apart: a member of A gets 404 on every object of B, on every address the URL configuration knows.

A new address without an entry in `OBJECTS` or `OPEN` fails this test.
"""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.support.factories import (
    EndpointFactory,
    EventFactory,
    IntegrationFactory,
    JobFactory,
    LinkFactory,
    LogFactory,
    MemberFactory,
    RunFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

# Addresses that speak of no tenant's object, with what a member gets there.
OPEN = {
    "home": 302, "login": 200, "logout": 405, "livez": 200, "readyz": 200, "healthz": 200, "metrics": 404,
    "install": 404, "oauth_callback": 404, "invitation": 404, "claim": 405,
    "verify": 302, "second_factor": 200, "me": 200, "password": 200,  # one's own, of whoever is signed in
}  # fmt: skip
# Buttons: they change something, so looking at them is refused, and pressing them at a foreign tenant is a 404.
POST_ONLY = {"sample", "cancel", "continue", "account", "summary", "opt_in_trial"}
# Vendors prove themselves by the endpoint's secret; a member's session counts for nothing there.
PROVEN = {"webhook": 405, "app_webhook": 405}


def names(resolver=None, prefix=""):
    """Every address outside the console, which has a test of its own over all its addresses."""
    for entry in (resolver or get_resolver()).url_patterns:
        if str(entry.pattern).startswith("admin/"):
            continue
        if isinstance(entry, URLResolver):
            yield from names(entry, f"{entry.namespace}:" if entry.namespace else prefix)
        elif isinstance(entry, URLPattern):
            yield f"{prefix}{entry.name}", set(entry.pattern.converters)


def furnished():
    """A tenant with one of everything, and its owner."""
    member = MemberFactory()
    integration = IntegrationFactory(tenant=member.tenant)
    run = RunFactory(integration=integration)
    for factory in (JobFactory, LinkFactory, LogFactory):
        factory(integration=integration)
    EventFactory(connection=integration.left)
    endpoint = EndpointFactory(connection=integration.left)
    values = {
        "tenant_id": member.tenant.pk, "integration_id": integration.pk, "run_id": run.pk,
        "vendor": "pipedrive", "token": endpoint.token,
    }  # fmt: skip
    return member.user, values


ALL = sorted(names(), key=str)
OWNED = [(name, needed) for name, needed in ALL if name.removeprefix("portal:") not in {*OPEN, *PROVEN}]


def test_there_is_something_to_check():
    assert len(OWNED) >= 5
    assert {name.removeprefix("portal:") for name, _ in ALL} >= {*OPEN, *PROVEN}


@pytest.mark.chaos("H7")
@pytest.mark.parametrize(("name", "needed"), OWNED)
def test_every_tenants_page_is_for_its_members_only(name, needed):
    owner, own = furnished()
    _, foreign = furnished()
    client = Client()
    assert needed <= own.keys(), f"{name} has parameters this test does not know: give them a value in `furnished`"
    address = reverse(name, kwargs={key: own[key] for key in needed})
    button = name.removeprefix("portal:") in POST_ONLY
    ask = client.post if button else client.get

    assert ask(address).status_code == 302, "anonymous people sign in first"
    client.force_login(owner)
    assert client.get(address).status_code == (405 if button else 200)

    everything_foreign = reverse(name, kwargs={key: foreign[key] for key in needed})
    assert ask(everything_foreign).status_code == 404
    assert client.post(everything_foreign).status_code == 404
    for key in needed:  # one foreign id among one's own
        mixed = reverse(name, kwargs={**{other: own[other] for other in needed}, key: foreign[key]})
        assert ask(mixed).status_code == 404, mixed

    client.force_login(UserFactory())
    assert ask(address).status_code == 404, "a user without tenant"


@pytest.mark.parametrize(("name", "status"), [*OPEN.items(), *PROVEN.items()])
def test_open_addresses_show_nothing_of_a_tenant(name, status):
    owner, own = furnished()
    _, foreign = furnished()
    client = Client()
    client.force_login(owner)
    full, needed = next((full, needed) for full, needed in ALL if full.removeprefix("portal:") == name)

    answer = client.get(reverse(full, kwargs={key: foreign[key] for key in needed}))

    assert answer.status_code == status
    assert str(foreign["tenant_id"]) not in answer.content.decode()


def test_a_member_of_an_inactive_tenant_sees_nothing():
    owner, own = furnished()
    owner.tenants.update(is_active=False)
    client = Client()
    client.force_login(owner)

    assert client.get(reverse("portal:overview", kwargs={"tenant_id": own["tenant_id"]})).status_code == 404


@pytest.mark.chaos("H7")
def test_search_and_filters_stay_inside_the_tenant():
    owner, own = furnished()
    _, foreign = furnished()
    from integration.models import SyncLog

    SyncLog.objects.filter(integration_id=foreign["integration_id"]).update(source_id="foreign-77")
    client = Client()
    client.force_login(owner)
    address = reverse("portal:activity", kwargs={key: own[key] for key in ("tenant_id", "integration_id")})

    assert (
        "foreign-77"
        not in client.get(address, {"q": "foreign-77"}).content.decode().split("<tbody>")[-1].split("</form>")[-1]
    )
    assert "Nothing found" in client.get(address, {"q": "foreign-77"}).content.decode()
