"""The pipeline report: figures that add up, a chart, a CSV without formulas, and nobody else's."""

from __future__ import annotations

import csv
import io

import pytest
from django.test import Client
from django.urls import reverse

from tests.support.factories import IntegrationFactory, MemberFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def sold(brevo_world):
    """Four deals: one open (furnished), two won, one lost, one of them in other money."""
    stages = sorted(brevo_world.sandbox.state.pipedrive.companies["acme"].tables["stage"].rows)
    brevo_world.deal(title="A", person_id=1, value=100, currency="EUR", status="won")
    brevo_world.deal(title="B", person_id=1, value=50, currency="USD", status="won", stage_id=stages[1])
    brevo_world.deal(title="C", person_id=2, value=10, currency="EUR", status="lost", stage_id=stages[1])
    brevo_world.lose()
    return brevo_world


def client_of(tenant, **role):
    client = Client()
    client.force_login(MemberFactory(tenant=tenant, **role).user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def address(integration):
    return reverse("portal:report", kwargs={"tenant_id": integration.tenant_id, "integration_id": integration.pk})


def rows(answer):
    return {(row["table"], row["group"]): row for row in csv.DictReader(io.StringIO(answer.content.decode()))}


def test_the_figures_add_up(sold):
    answer = client_of(sold.integration.tenant, role="viewer").get(address(sold.integration) + "?format=csv")

    found = rows(answer)
    pipeline = found["Pipelines", "Pipeline"]
    assert [pipeline[key] for key in ("deals", "open", "won", "lost", "won value")] == ["4", "1", "2", "1", "100.0"]
    assert pipeline["conversion %"] == "67"
    stages = [row for (table, _), row in found.items() if table == "Stages of Pipeline"]
    assert [int(row["deals"]) for row in stages][:3] == [4, 3, 2]
    assert answer.headers["Content-Disposition"] == 'attachment; filename="pipeline-report.csv"'


def test_the_page_has_tables_with_a_chart_and_is_counted_once_an_hour(sold):
    client = client_of(sold.integration.tenant)
    sold.calls("pipedrive")

    page = client.get(address(sold.integration)).content.decode()
    client.get(address(sold.integration))

    assert "Stages of Pipeline" in page
    assert 'aria-label="2 won, 1 open, 1 lost"' in page
    assert sold.calls("pipedrive").count("GET /pipedrive/acme/api/v2/deals") == 1


@pytest.mark.chaos("W9")
def test_a_name_from_the_crm_is_neither_markup_nor_formula(sold):
    rows_of = sold.sandbox.state.pipedrive.companies["acme"].tables["pipeline"].rows
    next(iter(rows_of.values()))["name"] = "=HYPERLINK(<b>)"
    client = client_of(sold.integration.tenant)

    assert "<b>" not in client.get(address(sold.integration)).content.decode()
    assert ("Pipelines", "'=HYPERLINK(<b>)") in rows(client.get(address(sold.integration) + "?format=csv"))


def test_a_vendor_that_does_not_answer_is_said(sold, sandbox):
    sandbox.control("POST", "/misbehave", {"vendor": "pipedrive", "error_rate": 1.0})

    answer = client_of(sold.integration.tenant).get(address(sold.integration))

    assert answer.status_code == 200
    assert "Pipedrive has a problem of its own" in answer.content.decode()


def test_nobody_else_sees_it_and_recipes_without_a_report_have_none(sold):
    stranger = IntegrationFactory()

    assert client_of(stranger.tenant).get(address(sold.integration)).status_code == 404
    assert "There is no report for this pair." in client_of(stranger.tenant).get(address(stranger)).content.decode()
    assert Client().get(address(sold.integration)).status_code == 302
