"""docs/openapi.yaml and the hub, held to each other: the same addresses, and every answer is one that is written there.

Schemathesis makes calls the document allows and others: with no proof, with a wrong one and with the vendor's own.
"""

from __future__ import annotations

import io
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from django.urls import resolve
from hypothesis import HealthCheck, Phase, given, settings, strategies
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from config.wsgi import application
from integration.connectors.base import WebhookRequest
from integration.connectors.hubspot import webhooks as hubspot
from integration.connectors.registry import CONNECTORS, get_connector
from integration.models import WebhookEvent
from tests.integration.test_access import names
from tests.support.factories import ConnectionFactory, EndpointFactory
from tests.support.search import examples

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.chaos("W7", "W17")]

DOCUMENT = yaml.safe_load((Path(__file__).parents[2] / "docs" / "openapi.yaml").read_text())
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = {operation.ok().label: operation.ok() for operation in SCHEMA.get_all_operations()}
CHECKS = [
    schemathesis.checks.not_a_server_error, status_code_conformance, content_type_conformance,
    response_headers_conformance, response_schema_conformance,
]  # fmt: skip
FOR_PEOPLE = ("portal:", "admin:", "console-", "login", "logout")
FOR_MACHINES = {"portal:install", "portal:oauth_callback"}
SECRET = "lockstep:s3cret-of-this-endpoint"
LONGEST = 5.0  # seconds for one answer
calls = settings(
    max_examples=examples(10),
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


def test_every_address_for_machines_is_in_the_document_and_nothing_else():
    wanted = {name for name, _ in names() if not name.startswith(FOR_PEOPLE)} | FOR_MACHINES
    written = {path: resolve(path.format(token="t", vendor="pipedrive")) for path in DOCUMENT["paths"]}

    assert {match.view_name for match in written.values()} == wanted
    doors = {match.kwargs["vendor"] for match in written.values() if "hook" in match.view_name}
    assert doors == {vendor for vendor in CONNECTORS if get_connector(vendor).webhooks is not None}
    assert set(DOCUMENT["components"]["parameters"]["vendor"]["schema"]["enum"]) == set(CONNECTORS)


@pytest.fixture
def doors(settings: Any) -> dict[str, Any]:
    """A hub with an app at HubSpot and Pipedrive, a token for its figures, and an endpoint of each vendor."""
    app = {"client_id": "client-id", "client_secret": SECRET}
    settings.OAUTH_APPS = {"hubspot": app, "pipedrive": app}
    settings.METRICS_TOKEN, settings.PUBLIC_URL = SECRET, "http://localhost"
    settings.INTAKE_EVENTS_PER_MINUTE = 10**9
    for vendor in CONNECTORS:  # other people's, of whom nobody here knows a token
        EndpointFactory(connection=ConnectionFactory(vendor=vendor, external_account_id="9002"))
    connections = [ConnectionFactory(vendor=vendor, external_account_id="9001") for vendor in CONNECTORS]
    return {connection.vendor: EndpointFactory(connection=connection) for connection in connections}


def kinds_of_calls() -> Any:
    """Allowed and odd calls of each operation; what takes nothing cannot be asked oddly."""
    for label in sorted(OPERATIONS):
        yield pytest.param(label, GenerationMode.POSITIVE, id=f"{label} allowed")
        if label not in ("GET /livez", "GET /readyz", "GET /healthz"):
            yield pytest.param(label, GenerationMode.NEGATIVE, id=f"{label} odd")


@pytest.mark.property
@pytest.mark.parametrize(("label", "mode"), kinds_of_calls())
def test_each_answer_is_one_that_is_written_there(doors: dict[str, Any], label: str, mode: GenerationMode) -> None:
    operation = OPERATIONS[label]

    @calls
    @given(case=operation.as_strategy(generation_mode=mode), proof=strategies.sampled_from(["none", "wrong", SECRET]))
    def play(case: Any, proof: str) -> None:
        if proof != "none":
            prove(case, doors, proof)
        began = time.monotonic()
        answer = case.call(app=signed)
        case.validate_response(answer, checks=CHECKS)
        assert answer.status_code != 503 or "healthz" in label  # the database is there
        assert time.monotonic() - began < LONGEST

    play()
    assert not WebhookEvent.objects.filter(connection__external_account_id="9002").exists()


def prove(case: Any, doors: dict[str, Any], secret: str) -> None:
    """Call an address that exists, with this secret where the vendor puts it."""
    if case.method == "DELETE":
        case.path_parameters["vendor"] = "pipedrive"
        if isinstance(case.body, dict):
            case.body["client_id"] = "client-id"
    vendor = resolve(case.operation.path.format(token="t", vendor="pipedrive")).kwargs.get("vendor")
    if "token" in case.path_parameters:
        case.path_parameters["token"] = doors[vendor].token
    basic = secret if "/hooks/" in case.path else f"client-id:{secret}"
    bearer = f"Bearer {secret}"
    case.headers["Authorization"] = f"Basic {b64encode(basic.encode()).decode()}" if vendor == "pipedrive" else bearer
    if vendor in ("maileon", "planhat"):
        case.query["token"] = secret
    if vendor == "planhat":
        case.headers.pop("X-Lockstep-Secret", None)
    if vendor == "hubspot":
        case.headers[SIGN] = secret


SIGN = "X-Please-Sign"


def signed(environ: dict[str, Any], start_response: Any) -> Any:
    """The hub's application; what asks for it is signed as HubSpot signs."""
    if secret := environ.pop("HTTP_X_PLEASE_SIGN", ""):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        query = environ.get("QUERY_STRING", "")
        url = "http://localhost" + environ["PATH_INFO"] + (f"?{query}" if query else "")
        stamp = str(int(time.time() * 1000))
        signature = hubspot.signature_v3(WebhookRequest("POST", url, {}, {}, body), secret, stamp)
        environ |= {
            "wsgi.input": io.BytesIO(body), "HTTP_X_HUBSPOT_SIGNATURE_V3": signature,
            "HTTP_X_HUBSPOT_REQUEST_TIMESTAMP": stamp,
        }  # fmt: skip
    return application(environ, start_response)
