"""What the Support role does not see it cannot find out either: by no look-up, no order, no search and on no page.

All tables of the console with all their columns, so that one that is added later is held to it as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.db import models
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from django_q.models import Failure

from integration.models import (
    AccountClaim,
    Alert,
    AlertNotice,
    AuthenticatorApp,
    ConsentEntry,
    FieldMapping,
    Integration,
)
from integration.secrets import email_hash
from tenants.audit import AuditEntry
from tenants.models import Invitation
from tests.integration.admin.conftest import ADA, story
from tests.integration.test_access import names
from tests.support import factories

pytestmark = pytest.mark.django_db
TABLES = list(admin.site._registry.items())
IDS = [model._meta.label_lower for model, _ in TABLES]
HOW = ("", "exact", "iexact", "startswith", "istartswith", "endswith", "contains", "icontains", "regex", "iregex", "gt",
       "gte", "lt", "lte", "range", "in", "isnull", "search", "has_key", "email", "email__startswith", "0__contains",
       "length", "year", "date__gt")  # fmt: skip

# All look-ups the console's addresses may carry, beside those of its own filters.
DECLARED = {
    "auth.user": {"is_staff__exact", "is_staff__isnull", "is_superuser__exact", "is_superuser__isnull",
                  "is_active__exact", "is_active__isnull"},
    "integration.accountclaim": {"state__exact", "state__isnull"},
    "tenants.tenant": {"is_active__exact", "is_active__isnull"},
    "tenants.member": {"role__exact", "role__isnull"},
    "integration.connection": {"health__exact", "health__isnull", "vendor", "vendor__isnull", "vendor__exact",
                               "tenant__id__exact"},
    "integration.integration": {"state", "tenant__id__exact"},
    "integration.webhookevent": {"state__exact", "state__isnull", "connection", "reason"},
    "integration.syncjob": {"state", "integration", "reason"},
    "integration.syncrun": {"state__exact", "state__isnull", "kind", "integration"},
    "integration.synclog": {"outcome__exact", "outcome__isnull", "integration", "reason", "flow", "run"},
    "integration.recordlink": {"integration"},
    "integration.drift": {"tenant", "integration", "recipe", "flow", "kind", "field", "state", "since"},
    "integration.vendorcall": {"connection"},
    "integration.alert": {"kind"},
    "integration.fieldmapping": {"integration", "problem__isempty"},
}  # fmt: skip

NAME, EMAIL, PHONE = "Katherine Johnson", "katherine.johnson@example.com", "+491701234567"
TOLD = f"{NAME} <{EMAIL}> {PHONE}"
TRACES = re.compile(r"katherine|johnson|1701234567|goble", re.IGNORECASE)
RECORD = {"name": NAME, "email": EMAIL, "phone": PHONE, "number": 491701234567, EMAIL: [NAME, {"mobile": PHONE}]}
PATH = "/v3/contacts/katherine.johnson%40example.com/katherine.johnson@example.com/+491701234567"
SHAPES = {
    "samples": {"subscribe": [{"id": EMAIL, "name": NAME, "values": RECORD}]},
    "changes": {"FULLNAME": [NAME, "Katherine Goble"], EMAIL: [EMAIL, PHONE]},
    "counts": {"subscribe": 2}, "provisioning": [{"ok": True, "label": "Webhooks", "detail": TOLD},
                                                 {"ok": False, "label": "Fields", "detail": TOLD, "reason": ""}],
    "path": f"{PATH}?term=Katherine%20Johnson&phone=%2B491701234567&{EMAIL}=1", "request": f"<name>{TOLD}</name>",
    "options": {**RECORD, "ids": [EMAIL]}, "settings": {"doi_mailing": TOLD, "pipelines": [NAME]},
    "notes": {"consent": "confirmed", **RECORD}, "cursor": {"after": EMAIL},
}  # fmt: skip
# Words of ours from closed lists, keys that pages look rows up by, secrets, and what names a tenant or a field.
OURS = {
    "integration.recordlink": {"link_type"}, "tenants.tenant": {"name", "timezone"},
    "integration.fieldmapping": {"flow", "transform", "source", "target"}, "auth.user": {"password"},
    "integration.connection": {"vendor", "auth_kind", "base_url", "credentials", "credentials_hint", "health_reason"},
    "integration.integration": {"recipe", "resources", "lease_token"}, "integration.syncjob": {"flow", "reason"},
    "integration.syncrun": {"kind", "flow"}, "integration.synclog": {"flow", "reason", "action"},
    "integration.vendorcall": {"method"}, "integration.webhookevent": {"vendor_event", "object_type", "reason"},
    "integration.alert": {"subject", "reason"}, "integration.consententry": {"vendor", "was", "became"},
    "integration.authenticatorapp": {"seed", "recovery"}, "django_q.failure": {"id"}, "auth.group": {"name"},
    "tenants.invitation": {"token_hash"}, "integration.drift": {"flow", "field", "fingerprint"},
}  # fmt: skip


def request_of(user: Any, **asked: Any) -> Any:
    request = RequestFactory().get("/", asked)
    request.user = user
    return request


def columns(model: Any) -> Iterator[str]:
    """Every column of a table, and of those it points to or is pointed at."""
    for field in model._meta.get_fields():
        yield field.name
        if field.is_relation and field.related_model:
            yield from (f"{field.name}__{other.name}" for other in field.related_model._meta.get_fields())


@pytest.mark.parametrize(("model", "table"), TABLES, ids=IDS)
def test_an_address_carries_no_look_up_that_is_not_declared(model: Any, table: Any, people: dict[str, Any]) -> None:
    carried = {
        look_up
        for user in people.values()
        for column in columns(model)
        for how in HOW
        if table.lookup_allowed(look_up := f"{column}__{how}" if how else column, "a", request_of(user))
    }

    assert carried - DECLARED.get(model._meta.label_lower, set()) == set()


QUOTED = (
    ("webhookevent", "payload__email__startswith", "k", "z"),
    ("webhookevent", "external_id__startswith", "4", "9"),
    ("synclog", "changes__icontains", "ada", "zzz"),
    ("synclog", "detail__regex", "vendor", "zzz"),
    ("synclog", "email_hash__startswith", email_hash(ADA)[:1], "z"),
    ("synclog", "run__requested_by__email__startswith", "u", "z"),
    ("syncjob", "hint__isnull", "False", "True"),
    ("vendorcall", "request__contains", "sent", "zzz"),
    ("vendorcall", "connection__account_name__gt", "A", "Z"),
    ("recordlink", "written__FULLNAME__contains", "Ada", "zzz"),
    ("drift", "ours__icontains", "alert", "zzz"),
    ("syncrun", "samples__icontains", "FIRSTNAME", "zzz"),
    ("connection", "credentials_hint__startswith", "", "z"),
    ("connection", "tenant__members__user__email__startswith", "u", "z"),
)


@pytest.mark.parametrize(("table", "look_up", "match", "miss"), QUOTED, ids=[row[1] for row in QUOTED])
def test_no_answer_differs_by_what_a_row_holds(
    table: str, look_up: str, match: str, miss: str, browsers: dict[str, Client]
) -> None:
    story()
    address = reverse(f"admin:integration_{table}_changelist")
    for client in browsers.values():
        answers = [client.get(address, {look_up: value}) for value in (match, miss)]
        assert [answer.status_code for answer in answers] == [400, 400]


def test_a_member_is_not_found_by_the_hash_of_a_password(browsers: dict[str, Client]) -> None:
    address = reverse("admin:tenants_member_changelist")
    for client in browsers.values():
        assert client.get(address, {"user__password__startswith": "p"}).status_code == 400


def order(table: Any, request: Any) -> list[str]:
    """The columns a list is sorted by, each once."""
    return list(dict.fromkeys(table.get_changelist_instance(request).queryset.query.order_by))


@pytest.mark.parametrize(("model", "table"), TABLES, ids=IDS)
def test_a_list_sorts_by_no_column_that_is_not_shown(model: Any, table: Any, people: dict[str, Any]) -> None:
    request = request_of(people["Support"])
    shown = table.get_list_display(request)
    plain = order(table, request)
    for number, column in enumerate(shown, 1):
        asked = request_of(people["Support"], o=str(number))
        assert order(table, asked) == plain or column in table.get_sortable_by(request)
    assert not {"user", "email", "username"} & set(shown) or not table.has_view_permission(request)


@pytest.mark.parametrize("role", ["Support", "Operator"])
def test_a_member_is_searched_for_by_the_whole_address(role: str, browsers: dict[str, Client]) -> None:
    member = factories.MemberFactory(user__username="ada.lovelace", user__email=ADA)
    address = reverse("admin:tenants_member_changelist")

    def finds(words: str) -> bool:
        return str(member.pk) in {
            str(row.pk) for row in browsers[role].get(address, {"q": words}).context["cl"].result_list
        }

    assert finds("ada@example.com")
    assert finds("lovelace") is (role == "Operator")
    assert finds("a@example") is (role == "Operator")
    assert finds(member.tenant.name[:6])


def test_nobody_without_the_right_is_offered_users_by_the_autocomplete(browsers: dict[str, Client]) -> None:
    asked = {"app_label": "tenants", "model_name": "member", "field_name": "user", "term": "a"}
    assert browsers["Support"].get(reverse("admin:autocomplete"), asked).status_code == 403
    assert browsers["Administrator"].get(reverse("admin:autocomplete"), asked).status_code == 200


def test_a_table_of_personal_data_asks_for_the_right_to_see_it(signed_in_as: Any) -> None:
    client = signed_in_as("view_user", "change_user", "view_auditentry", "view_failure")
    for name in ("auth_user", "tenants_auditentry", "django_q_failure"):
        assert client.get(reverse(f"admin:{name}_changelist")).status_code == 403
    assert client.get("/admin/auth/user/") is not None
    assert "/admin/auth/user/" not in client.get("/admin/").content.decode()


def fill(row: Any) -> None:
    """Write personal data into every column of a row that can hold it."""
    values: dict[str, Any] = {}
    for field in row._meta.concrete_fields:
        if field.is_relation or field.choices or field.name in OURS.get(row._meta.label_lower, ()):
            continue
        if field.name.endswith("_hash") or field.primary_key or "token" in field.name:
            continue
        if field.name in SHAPES:
            values[field.name] = SHAPES[field.name]
        elif isinstance(field, models.JSONField):
            values[field.name] = RECORD
        elif isinstance(field, models.CharField):
            values[field.name] = (TOLD if field.name in ("what", "problem") else EMAIL)[: field.max_length]
        elif isinstance(field, models.TextField):
            values[field.name] = TOLD
    if values:
        type(row)._base_manager.filter(pk=row.pk).update(**values)


def world() -> Any:
    """One row of every kind with a person in every column."""
    rows = story()
    user = rows.member.user
    rows.integration.paused_by, rows.integration.state = user, "paused"
    rows.integration.save()
    rows.run.requested_by = user
    rows.run.save()
    AuditEntry.objects.create(
        who=EMAIL, what=TOLD, address="127.0.0.1", row_name=NAME, model="integration.integration",
        row=str(rows.integration.pk), changes=SHAPES["changes"],
    )  # fmt: skip
    failure = Failure.objects.create(
        id="f" * 32, name="x", func="f", started=timezone.now(), stopped=timezone.now(), success=False
    )
    app = AuthenticatorApp.objects.create(user=user)
    notice = AlertNotice.objects.create(alert=rows.alert, channel="owners", moment="opened", state="given_up")
    consent = ConsentEntry.objects.create(integration=rows.integration, email_hash=email_hash(ADA), source_id="x",
                                          became="confirmed", vendor="maileon", cause="x")  # fmt: skip
    offer = Invitation.objects.create(tenant=rows.tenant, email=EMAIL, token_hash="h", expires_at=timezone.now())
    claim = AccountClaim.objects.create(vendor="pipedrive", user=user, tenant=rows.tenant, state="open")
    constant = factories.MappingFactory(
        integration=rows.integration, flow="person_to_contact", transform="constant", target="CUSTOM"
    )
    FieldMapping.objects.filter(pk=constant.pk).update(options={"value": NAME})
    for row in (*vars(rows).values(), user, failure, app, notice, consent, offer, claim):
        fill(row)
    Alert.objects.filter(pk=rows.alert.pk).update(resolved_at=None)
    rows.right.__class__.objects.filter(pk=rows.right.pk).update(health="needs_you", health_reason="unexpected_answer")
    rows.event.__class__.objects.filter(pk=rows.event.pk).update(external_id="42")
    return rows


def addresses(rows: Any) -> Iterator[str]:
    """Every page of the console, at those rows; searches by id and by address."""
    for model, _ in TABLES:
        key = model._default_manager.order_by("pk").values_list("pk", flat=True).first()
        name = model._meta.label_lower.replace(".", "_")
        for full, pattern in names():
            if full.startswith(f"admin:{name}_") and key is not None:
                yield reverse(full, args=[key] * len(pattern.pattern.converters))
    for row in (rows.integration, rows.left, rows.right, rows.link, rows.log, rows.job, rows.member):
        yield reverse(f"admin:{row._meta.label_lower.replace('.', '_')}_change", args=[row.pk])
    yield from ("/admin/", "/admin/search/?s=a", f"/admin/find/?q={ADA}", "/admin/find/?q=42")
    for query in (ADA, "42"):
        yield f"/admin/find/why/?integration={rows.integration.pk}&q={query}"


def test_no_page_shows_a_person_to_support(browsers: dict[str, Client]) -> None:
    rows = world()
    told, opened = {}, 0
    for address in addresses(rows):
        answer = browsers["Support"].get(address)
        opened += answer.status_code == 200
        text = "".join(map(bytes.decode, answer)) if answer.streaming else answer.content.decode()
        if found := TRACES.search(text):
            told[address] = text[max(0, found.start() - 100) : found.end() + 30]

    assert told == {}
    assert opened > 40


def test_operators_go_on_seeing_them(browsers: dict[str, Client]) -> None:
    rows = world()
    for row in (rows.log, rows.call, rows.event, rows.link, rows.run, rows.member, rows.alert):
        page = reverse(f"admin:{row._meta.label_lower.replace('.', '_')}_change", args=[row.pk])
        assert TRACES.search(browsers["Operator"].get(page).content.decode()), page


def test_an_undeclared_look_up_is_refused_before_any_row_is_read(people: dict[str, Any]) -> None:
    table = admin.site.get_model_admin(Integration)
    with pytest.raises(DisallowedModelAdminLookup):
        table.get_changelist_instance(request_of(people["superuser"], settings__contains="a"))
