"""Who gets what at each address of the hub: owner, editor, viewer, another tenant's owner, the Support role, nobody.

The addresses come from the URL configuration. One that is not in these tables, or stands there and is gone, fails.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from django_q.models import Failure

from integration.models import AccountClaim, AuthenticatorApp, ClaimState, VendorSunset
from tenants.audit import AuditEntry
from tests.integration.admin.conftest import story
from tests.support.factories import (
    EndpointFactory,
    ErasedAddressFactory,
    IntegrationFactory,
    MemberFactory,
    RunFactory,
    UserFactory,
)

pytestmark = [pytest.mark.django_db, pytest.mark.chaos("H7")]


class Gets(NamedTuple):
    """The status of a GET and of a POST."""

    get: int
    post: int


class Row(NamedTuple):
    """What each of them gets. A POST says nothing that could be done: 422 and 400 are answers of a form."""

    owner: Gets
    editor: Gets
    viewer: Gets
    foreign: Gets
    support: Gets
    nobody: Gets


NONE, TO_LOGIN, REFUSED = Gets(404, 404), Gets(302, 302), Gets(403, 403)


def of_members(get: int, post: int, *, editor: int = 0, viewer: int = 0, foreign: Gets = NONE) -> Row:
    """What the owner gets, and what an editor and a viewer get for a POST where that is something else."""
    return Row(
        Gets(get, post), Gets(get, editor or post), Gets(get, viewer or post), foreign, foreign, TO_LOGIN,
    )  # fmt: skip


def of_all(get: int, post: int) -> Row:
    return Row(*[Gets(get, post)] * len(Row._fields))


def of_signed_in(get: int, post: int) -> Row:
    """What everybody gets who is signed in: a page about themselves."""
    return Row(*[Gets(get, post)] * (len(Row._fields) - 1), TO_LOGIN)


LOOK = of_members(200, 200)  # a POST is a look, too
BUTTON_FOREIGN = Gets(405, 404)
HUB = {
    "app_webhook": of_all(405, 401),  # proven by the app's secret, whoever is signed in
    "webhook": of_all(405, 401),  # and by the endpoint's
    "livez": of_all(200, 200),
    "readyz": of_all(200, 200),
    "healthz": of_all(200, 200),
    "metrics": of_all(404, 404),  # no METRICS_TOKEN is set
    "login": of_all(200, 200),
    "logout": of_all(405, 302),
    "portal:home": of_all(302, 302),
    "portal:install": of_all(404, 405),  # no app is configured
    "portal:oauth_callback": of_all(404, 405),
    "portal:invitation": of_all(404, 404),  # no such token
    "portal:team": of_members(200, 404),  # nothing the page knows is asked for
    "portal:overview": LOOK,
    "portal:audit": Row(Gets(200, 200), NONE, NONE, NONE, NONE, TO_LOGIN),  # the owners' own
    "portal:leave": Row(Gets(200, 200), NONE, NONE, NONE, NONE, TO_LOGIN),
    "portal:verify": of_signed_in(302, 302),  # none of them has an app
    "portal:second_factor": of_signed_in(200, 422),
    "portal:me": of_signed_in(200, 404),
    "portal:password": of_signed_in(200, 422),
    "portal:claim": of_all(405, 400),  # nothing was offered to this browser
    "portal:connect": of_members(200, 200, viewer=404, editor=404),
    "portal:people": of_members(200, 422),
    "portal:integration": LOOK,
    "portal:settings": of_members(200, 422, viewer=404),
    "portal:summary": of_members(405, 200, viewer=404, foreign=BUTTON_FOREIGN),
    "portal:fields": of_members(200, 503, viewer=404),  # the vendor does not answer here
    "portal:sample": of_members(405, 404, foreign=BUTTON_FOREIGN),
    "portal:account": of_members(405, 404, foreign=BUTTON_FOREIGN),
    "portal:opt_in_trial": of_members(405, 302, viewer=404, foreign=BUTTON_FOREIGN),
    "portal:stop": of_members(200, 302),
    "portal:activity": LOOK,
    "portal:waiting": LOOK,
    "portal:brakes": of_members(200, 200, viewer=404),
    "portal:record": of_members(200, 404),
    "portal:fetch_all": of_members(200, 200, viewer=404),
    "portal:drift": of_members(200, 302, viewer=404),
    "portal:runs": LOOK,
    "portal:report": LOOK,
    "portal:run": LOOK,
    "portal:cancel": of_members(405, 302, viewer=404, foreign=BUTTON_FOREIGN),
    "portal:continue": of_members(405, 302, viewer=404, foreign=BUTTON_FOREIGN),
}

# The console. To members it does not exist; Support looks at what is the hub's and presses nothing.
SHOWN, LISTED, DENIED = Gets(200, 403), Gets(200, 200), REFUSED
LOOKS = {"changelist": LISTED, "change": SHOWN, "history": LISTED, "add": DENIED, "delete": DENIED}
NOTHING = dict.fromkeys(LOOKS, DENIED)
MODELS = {
    "tenants.tenant": LOOKS | dict.fromkeys(("invite_member", "view_portal", "export_tenant", "close_tenant"), DENIED),
    "tenants.member": LOOKS,
    "auth.user": NOTHING | {"password_change": DENIED},
    "auth.group": NOTHING,
    "integration.accountclaim": LOOKS | {"grant": DENIED, "refuse": DENIED},
    "integration.alert": LOOKS,
    "integration.webhookevent": LOOKS,
    "integration.vendorcall": LOOKS,
    "integration.connection": LOOKS | {"check_now": DENIED},
    "integration.syncjob": LOOKS | {"try_again": DENIED},
    "integration.fieldmapping": LOOKS,
    "integration.integration": LOOKS
    | {"diagnose": LISTED, "counts": LISTED, "settings": SHOWN}
    | dict.fromkeys(("repair", "fetch_all", "compare_now", "brakes", "pause", "resume", "uninstall"), DENIED),
    "integration.synclog": LOOKS | {"sync_again": DENIED},
    "integration.recordlink": LOOKS,
    "integration.drift": LOOKS,
    "integration.erasedaddress": NOTHING,
    "integration.syncrun": LOOKS | {"cancel": DENIED, "resume": DENIED},
    "integration.vendorsunset": LOOKS,
    "integration.authenticatorapp": NOTHING | {"reset": DENIED},
    "django_q.schedule": NOTHING,
    "django_q.failure": NOTHING,
    "tenants.auditentry": NOTHING | {"export_lines": DENIED},
}
CONSOLE = {
    "console-find": LISTED,
    "console-why": Gets(404, 404),
    "console-quality": LISTED,
    "console-quality-of": LISTED,
    "console-view-end": Gets(405, 302),
    "console-verify": Gets(302, 302),
    "console-two-factor": Gets(200, 422),
    "console-sessions": Gets(200, 404),
    "admin:index": LISTED,
    "admin:search": LISTED,
    "admin:password_change": LISTED,
    "admin:password_change_done": Gets(200, 405),
    "admin:autocomplete": Gets(403, 405),  # it is asked for nothing here
    "admin:jsi18n": Gets(200, 405),
    "admin:view_on_site": NONE,
    "admin:app_list": LISTED,
}
OPEN_CONSOLE = {
    "admin:login",
    "admin:logout",
    "console-oidc",
    "console-oidc-callback",
}  # their own tests are those of signing in


def names(resolver: Any = None, prefix: str = "") -> Any:
    """The full name of every address that has one, with its parameters."""
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from names(entry, f"{entry.namespace}:" if entry.namespace else prefix)
        elif isinstance(entry, URLPattern) and entry.name:
            yield f"{prefix}{entry.name}", entry


def of_models() -> dict[str, Gets]:
    """The same table by full name."""
    return {
        f"admin:{key.replace('.', '_')}_{operation}": gets
        for key, operations in MODELS.items()
        for operation, gets in operations.items()
    }


def someone(user: Any = None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


@pytest.fixture
def support(settings: Any) -> Client:
    settings.WHITENOISE_USE_FINDERS = False
    call_command("setup", verbosity=0)
    user = UserFactory(is_staff=True)
    user.groups.add(Group.objects.get(name="Support"))
    return someone(user)


def test_every_address_has_an_entry_and_every_entry_an_address() -> None:
    known = {*HUB, *CONSOLE, *OPEN_CONSOLE, *of_models()}
    assert {name for name, _ in names()} == known


@pytest.mark.parametrize("name", HUB)
def test_the_portal_and_what_vendors_call(name: str, support: Client) -> None:
    member = MemberFactory()
    lesser = [MemberFactory(tenant=member.tenant, role=role) for role in ("editor", "viewer")]
    integration = IntegrationFactory(tenant=member.tenant)
    endpoint = EndpointFactory(connection=integration.left)
    values = {
        "tenant_id": member.tenant_id, "integration_id": integration.pk, "token": endpoint.token,
        "run_id": RunFactory(integration=integration).pk, "vendor": "hubspot" if name == "app_webhook" else "pipedrive",
    }  # fmt: skip
    pattern = next(entry for full, entry in names() if full == name)
    address = reverse(name, kwargs={key: values[key] for key in pattern.pattern.converters})

    people = [someone(row.user) for row in (member, *lesser, MemberFactory())]
    found = Row(*(ask(who, address) for who in (*people, support, someone())))

    assert found == HUB[name]


def ask(client: Client, address: str) -> Gets:
    """GET before POST: a POST may sign out."""
    answers = client.get(address), client.post(address, {"email": "nobody"})
    if not address.startswith("/hooks/"):  # what vendors call shows nothing of anybody
        assert all("no-store" in answer.headers["Cache-Control"] for answer in answers), address
    return Gets(*(answer.status_code for answer in answers))


def console_addresses() -> Any:
    """(name, address, what Support gets) for every address of the console, at a row that exists."""
    rows = story()
    AuditEntry.objects.create(who=rows.member.user.username, what="x")
    Failure.objects.create(
        id="f" * 32, name="x", func="f", started=timezone.now(), stopped=timezone.now(), success=False
    )
    AuthenticatorApp.objects.create(user=rows.member.user)
    VendorSunset.objects.create(vendor="pipedrive", place="GET /x")
    ErasedAddressFactory(tenant=rows.tenant)
    AccountClaim.objects.create(
        vendor="pipedrive", account_id="1", account_name="A", user=rows.member.user, tenant=rows.member.tenant,
        state=ClaimState.OPEN,
    )  # fmt: skip
    for model, _ in list(admin.site._registry.items()):
        key = model._default_manager.order_by("pk").values_list("pk", flat=True)[0]
        for operation, gets in MODELS[model._meta.label_lower].items():
            full = f"admin:{model._meta.label_lower.replace('.', '_')}_{operation}"
            needed = next(entry for name, entry in names() if name == full).pattern.converters
            yield full, reverse(full, args=[key] * len(needed)), gets
    special = {
        "admin:view_on_site": ["1", "1"], "admin:app_list": ["integration"], "console-quality-of": ["pipedrive"],
    }  # fmt: skip
    for full, gets in CONSOLE.items():
        yield full, reverse(full, args=special.get(full, [])), gets


def test_the_console(support: Client) -> None:
    member, nobody = someone(MemberFactory().user), someone()
    wrong = {}
    for name, address, gets in console_addresses():
        found = (ask(member, address), ask(support, address), ask(nobody, address))
        if found != (NONE, gets, TO_LOGIN):
            wrong[name] = found
    assert wrong == {}


def test_support_sees_the_rows_of_all_tenants_and_changes_none(support: Client) -> None:
    one, other = story("ACME"), story("Other", 43)
    html = support.get(reverse("admin:integration_integration_changelist")).content.decode()
    assert "ACME" in html
    assert "Other" in html
    for rows in (one, other):
        assert (
            support.post(reverse("admin:integration_integration_pause", args=[rows.integration.pk])).status_code == 403
        )
        rows.integration.refresh_from_db()
        assert rows.integration.state == "active"


FOREIGN = (
    "integration",
    "run",
    "before",
    "reason",
    "flow",
    "q",
    "o",
    "id",
    "recipe",
    "tenant",
    "account",
    "left-account",
)


@pytest.mark.parametrize("name", [name for name, row in HUB.items() if row.owner.get == 200 and "portal:" in name])
def test_no_parameter_of_ones_own_pages_leads_to_another_tenant(name: str, support: Client) -> None:
    member = MemberFactory()
    integration = IntegrationFactory(tenant=member.tenant)
    theirs = story("Their Secret Company", 987654321)
    values = {"tenant_id": member.tenant_id, "integration_id": integration.pk,
              "run_id": RunFactory(integration=integration).pk}  # fmt: skip
    pattern = next(entry for full, entry in names() if full == name)
    address = reverse(name, kwargs={key: values[key] for key in pattern.pattern.converters})
    client = someone(member.user)
    for key in (theirs.integration.pk, theirs.run.pk, theirs.left.pk, theirs.tenant.pk, 987654321):
        answer = client.get(address, dict.fromkeys(FOREIGN, str(key)))
        assert answer.status_code in (200, 302, 400, 404)
        assert "Their Secret" not in answer.content.decode()
    theirs.integration.refresh_from_db()
    assert theirs.integration.state == "active"
