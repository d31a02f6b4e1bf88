"""The standard suite of a connector: one subclass per vendor asks all of it.

A case that a vendor cannot pass is declared in its `quality.yaml`, as `case: name of the test` with a sentence.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import pytest

from integration import answers, quality
from integration.connectors.base import Credentials
from integration.errors import AuthError, ContractError, IntegrationError, RateLimited, TooManyEvents, TransientError
from integration.guard import AddressRefused
from integration.http import Exchange, Instrumentation, Transport
from tests.support import client_cases, webhook_cases
from tests.support.client_cases import CASES, WRONG_SHAPES, Answer, Case, Stub
from tests.support.conformance.hostile import HOSTILE, Hostile
from tests.support.conformance.vendor import Call, Client, Deliveries, Vendor

FOREIGN = ("https://evil.example", "http://127.0.0.1:1", "https://169.254.169.254", "https://[::1]")
ODD_TOKENS = (*WRONG_SHAPES, b"[" * 200_000, b'{"access_token":1e999}')
SILENT = "This vendor calls nobody."
NOTHING = {
    "write": "This vendor is only read.",
    "sign_in": "This vendor has no OAuth.",
    "body": SILENT,
    "fixture": SILENT,
}
PATIENCE = 0.4  # seconds, in place of a minute


class Meter:
    """Notes what is charged; `full` refuses it."""

    def __init__(self, *, full: bool = False) -> None:
        self.charged: list[tuple[str, ...]] = []
        self._full = full

    def before(self, windows: Sequence[str], cost: float) -> None:
        self.charged.append(tuple(windows))
        if self._full:
            raise RateLimited("The window is used up.")

    def after(self, readings: Sequence[Any]) -> None: ...


class ConnectorSuite:
    """Subclass it as `TestX` and give it a `vendor`."""

    vendor: ClassVar[Vendor]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Ask each case of each call, body and fixture of the vendor."""
        vendor = type(self).vendor
        deliveries = vendor.deliveries
        wanted: Mapping[str, Iterable[Any]] = {
            "call": vendor.calls,
            "write": vendor.writes,
            "sign_in": vendor.sign_in,
            "odd": ODD_TOKENS,
            "status": (400, 401, 403),
            "failure": CASES,
            "shape": WRONG_SHAPES,
            "hostile": HOSTILE,
            "body": webhook_cases.HOSTILE_BODIES if deliveries else (),
            "fixture": deliveries.fixtures if deliveries else (),
            "address": FOREIGN + vendor.foreign,
        }
        asked = {name: list(values) for name, values in wanted.items() if name in metafunc.fixturenames}
        reason = next((NOTHING[name] for name, values in asked.items() if not values), "")
        for name, values in asked.items():
            nothing = pytest.param(None, marks=pytest.mark.skip(reason=reason))
            metafunc.parametrize(name, [nothing] if reason else values, ids=_named)

    @pytest.fixture(autouse=True)
    def _exceptions(self, request: pytest.FixtureRequest) -> None:
        """Pass over what the vendor's file declares, with its sentence."""
        exceptions = quality.exceptions(self.vendor.connector.key)
        if reason := exceptions.get(request.node.originalname):
            pytest.skip(reason)

    @pytest.fixture
    def client(self, stub: Stub) -> Client:
        return self.opened(stub)

    def opened(self, stub: Stub, wire: Instrumentation | None = None) -> Client:
        return self.vendor.connector.open(self.vendor.credentials(stub.url), wire or Instrumentation())

    @property
    def deliveries(self) -> Deliveries:
        if self.vendor.deliveries is None:
            pytest.skip(SILENT)
        return self.vendor.deliveries

    # Answers

    def test_a_failure_becomes_our_error(self, call: Call, failure: Case, stub: Stub, client: Client) -> None:
        if failure.answer.status not in call.statuses:
            client_cases.check(failure, stub, lambda: call.make(client))
            return
        stub.answers.append(failure.answer)
        call.make(client)
        assert len(stub.seen) == 1

    @pytest.mark.chaos("V6")
    def test_a_success_in_another_shape_is_a_contract_error(
        self, call: Call, shape: bytes, stub: Stub, client: Client
    ) -> None:
        if shape in call.fine:
            stub.will(shape)
            call.make(client)
            assert stub.seen
        else:
            client_cases.check_wrong_shape(shape, stub, lambda: call.make(client))

    @pytest.mark.chaos("V3")
    def test_an_answer_without_end_is_given_up(
        self, call: Call, hostile: Hostile, stub: Stub, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(answers, "TOTAL_DEADLINE", PATIENCE)
        monkeypatch.setattr(answers, "MAX_ANSWER_BYTES", 1_000_000)
        stub.answers.append(Answer(play=hostile.play))
        started = time.monotonic()
        with pytest.raises(TransientError):
            call.make(client)
        assert time.monotonic() - started < 4 * PATIENCE
        assert len(stub.seen) == 1, "an answer without end is not asked for again"

    @pytest.mark.chaos("V3")
    def test_a_silent_vendor_is_given_up_and_a_write_is_not_repeated(
        self, write: Call, stub: Stub, client: Client
    ) -> None:
        for transport in _transports(client):
            transport._timeout = (0.5, 0.1)
        stub.will(b"{}", delay=0.4)
        with pytest.raises(TransientError):
            write.make(client)
        assert len(stub.seen) == 1

    # Limits

    def test_every_call_is_charged_to_windows_of_the_vendor(self, call: Call, stub: Stub) -> None:
        meter = Meter()
        with pytest.raises(IntegrationError):  # the stand-in answers 500
            call.make(self.opened(stub, Instrumentation(meter=meter)))
        declared = {window.key for window in self.vendor.connector.windows}
        charged = {window for windows in meter.charged for window in windows}
        assert len(stub.seen) == 1
        assert charged <= declared
        assert charged or not declared

    def test_nothing_is_called_when_a_window_is_used_up(self, call: Call, stub: Stub) -> None:
        with pytest.raises(RateLimited):
            call.make(self.opened(stub, Instrumentation(meter=Meter(full=True))))
        assert stub.seen == []

    # Secrets and addresses

    @pytest.mark.chaos("H11")
    def test_credentials_are_in_no_error_and_no_recorded_call(self, call: Call, stub: Stub) -> None:
        recorded: list[Exchange] = []
        secret = self.vendor.secret
        stub.will(json.dumps({"message": f"no such key {secret}", "error": secret}).encode(), 401)
        client = self.opened(stub, Instrumentation(record=recorded.append))
        with pytest.raises(IntegrationError) as caught:
            call.make(client)
        assert secret not in f"{caught.value.public} {caught.value.detail} {caught.value!r}"
        assert recorded
        assert secret not in repr(recorded)
        assert secret not in repr(self.vendor.credentials(stub.url)) + repr(client)

    def test_only_hosts_of_the_vendor_are_opened(self, address: str) -> None:
        given = self.vendor.credentials("")
        with pytest.raises(AddressRefused):
            self.vendor.connector.open(Credentials(given.kind, address, given.values), Instrumentation())

    # Signing in

    @pytest.mark.chaos("V3")
    def test_a_token_endpoint_without_end_is_given_up(
        self, sign_in: Call, hostile: Hostile, stub: Stub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(answers, "TOTAL_DEADLINE", PATIENCE)
        monkeypatch.setattr(answers, "MAX_ANSWER_BYTES", 1_000_000)
        stub.answers.append(Answer(play=hostile.play))
        started = time.monotonic()
        with pytest.raises(IntegrationError) as caught:
            sign_in.make(None)
        assert isinstance(caught.value, TransientError)
        assert time.monotonic() - started < 4 * PATIENCE
        assert len(stub.seen) == 1, "a code and a refresh token are good for one use"

    def test_tokens_in_another_shape_are_a_contract_error(self, sign_in: Call, odd: bytes, stub: Stub) -> None:
        client_cases.check_wrong_shape(odd, stub, lambda: sign_in.make(None))

    def test_a_refused_sign_in_asks_to_connect_again(self, sign_in: Call, status: int, stub: Stub) -> None:
        stub.will(b'{"error":"invalid_grant","error_description":"refresh token is invalid"}', status)
        with pytest.raises(AuthError):
            sign_in.make(None)
        assert len(stub.seen) == 1

    # Webhooks

    @pytest.mark.chaos("W1")
    def test_only_the_secret_proves_the_sender(self) -> None:
        request = self.deliveries.request
        name = self.deliveries.fixtures[0].stem
        for build in (lambda secret: request(name, b"[]", secret), *self.deliveries.proofs):
            webhook_cases.check_proof(self.vendor.connector.webhooks, build)

    def test_every_fixture_is_a_declared_event(self, fixture: Any) -> None:
        webhooks = _webhooks(self.vendor)
        for event in webhooks.parse(self.deliveries.request(fixture.stem, fixture.read_bytes(), None)):
            assert event.vendor_event in {**webhooks.EVENTS, **webhooks.IGNORED_EVENTS}
            assert json.loads(json.dumps(event.payload)) == event.payload
            assert event.dedupe_key

    def test_every_event_has_a_fixture(self) -> None:
        request, webhooks = self.deliveries.request, _webhooks(self.vendor)
        fixtures = self.deliveries.fixtures
        seen = {e.vendor_event for f in fixtures for e in webhooks.parse(request(f.stem, f.read_bytes(), None))}
        assert set(webhooks.EVENTS) <= seen | self.deliveries.elsewhere
        assert not set(webhooks.EVENTS) & set(webhooks.IGNORED_EVENTS)

    @pytest.mark.chaos("W11")
    def test_a_hostile_body_is_refused(self, body: bytes) -> None:
        for fixture in self.deliveries.fixtures[:1]:
            assert not webhook_cases.survives(_webhooks(self.vendor), self.deliveries.request(fixture.stem, body, None))

    def test_no_odd_value_crashes_the_parser(self, fixture: Any) -> None:
        body = json.loads(fixture.read_bytes())
        changed = webhook_cases.mutations(body if isinstance(body, dict) else {"rows": body})
        survived = [
            webhook_cases.survives(
                _webhooks(self.vendor),
                self.deliveries.request(
                    fixture.stem, json.dumps(row if isinstance(body, dict) else row["rows"]).encode(), None
                ),
            )
            for row in changed
        ]
        assert any(survived)

    @pytest.mark.chaos("W2")
    def test_a_delivery_that_comes_again_is_the_same_event(self, fixture: Any) -> None:
        request, webhooks = self.deliveries.request, _webhooks(self.vendor)
        first, again = (
            [event for event in webhooks.parse(request(fixture.stem, fixture.read_bytes(), None))] for _ in range(2)
        )
        timed = [
            row.occurred_at is not None for row in first
        ]  # without a time nothing tells a second from a doubled one
        assert [row.dedupe_key for row, told in zip(first, timed, strict=True) if told] == [
            row.dedupe_key for row, told in zip(again, timed, strict=True) if told
        ]

    def test_more_events_than_a_call_may_hold_are_refused_before_they_are_built(self) -> None:
        webhooks, fixture = _webhooks(self.vendor), self.deliveries.fixtures[0]
        one = json.loads(fixture.read_bytes())
        rows = (one if isinstance(one, list) else [one]) * (webhooks.MOST_EVENTS + 1)
        with pytest.raises((ContractError, TooManyEvents)):
            webhooks.parse(self.deliveries.request(fixture.stem, json.dumps(rows).encode(), None))


def _webhooks(vendor: Vendor) -> Any:
    return vendor.connector.webhooks


def _transports(client: Client) -> list[Transport]:
    """Every transport a client holds."""
    held = list(vars(client).values())
    held += [inner for value in held if isinstance(value, dict) for inner in value.values()]
    found = [value for value in held if isinstance(value, Transport)]
    assert found
    return found


def _named(value: object) -> str:
    if isinstance(value, bytes):
        return repr(value[:16])
    return str(getattr(value, "stem", "") or getattr(value, "name", "") or value)
