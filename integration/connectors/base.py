"""What a connector is: plain data about a vendor plus the functions the engine calls. Knows no tenant and no recipe.

Each vendor folder fills in one `Connector` in its `connector.py`; `registry.py` finds it by key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeGuard, cast

from django.conf import settings

from config.json_value import JSONValue, storable
from config.texts import StrOrPromise
from integration.connectors.objects import ObjectApi
from integration.guard import HostPolicy
from integration.http import Instrumentation
from integration.redact import mask_secrets
from integration.secrets import keyed_hash
from integration.sunset import Sunset


@dataclass(frozen=True)
class Credentials:
    """Decrypted credentials of one connection. `kind` is api_key, api_token or oauth; `values` are the secrets."""

    kind: str
    base_url: str
    values: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Account:
    """Whose account the credentials open: the vendor's id (text), its name, and what else we keep about it.

    An empty id: the vendor does not say whose it is.
    `administered`: whether the user behind these credentials administers the whole account, as the vendor says; None
    when it does not tell.
    """

    external_id: str
    name: str
    details: Mapping[str, str] = field(default_factory=dict)
    administered: bool | None = None


@dataclass(frozen=True)
class Identity:
    """Who gave the consent: the vendor's account and its user, both by the vendor's ids (text)."""

    account: Account
    user_id: str
    user_name: str
    email: str


@dataclass(frozen=True)
class Removal:
    """The vendor says that this user of this account removed our app. Both by the vendor's ids (text)."""

    account_id: str
    user_id: str


@dataclass(frozen=True)
class Permission:
    """One thing a vendor grants to credentials: a verb, a scope, a role. `fix` says where a missing one is granted."""

    name: str
    granted: bool
    fix: str = ""


@dataclass(frozen=True)
class Option:
    """One choice of an option field."""

    key: str
    label: str


@dataclass(frozen=True)
class FieldSpec:
    """One field of a vendor's object: keyed by the vendor's key, shown by its label.

    `type` is one of text, number, integer, boolean, date, datetime, option, options, phone, email, money, json.
    `readable`: records as our client reads them carry it. `refers`: the kind of record its values are ids of, for
    example user or organization; empty where a value means itself. `part_of` names the field that the vendor divides to
    get this one, `part` the place in it: what is written as “Jan Willem” and nothing is read as “Jan” and “Willem”.
    `asked`: people fill it in when they add a record, so a vendor that hides new fields there is told to show it.
    `announced`: the vendor's webhooks tell of a change of this field alone; where not, only a poll finds it.
    """

    key: str
    label: str
    type: str
    options: tuple[Option, ...] = ()
    custom: bool = False
    writable: bool = True
    readable: bool = True
    refers: str = ""
    part_of: str = ""
    part: int = 0
    asked: bool = False
    announced: bool = True


@dataclass(frozen=True)
class ParsedEvent:
    """One notification in our words. `dedupe_key` is the same for every delivery of the same event."""

    vendor_event: str  # "person.change"
    object_type: str  # "person"
    external_id: str
    dedupe_key: str
    occurred_at: datetime | None = None
    email: str = ""
    account_id: str = ""  # the vendor's account this event speaks of; "" when the payload does not say
    payload: Mapping[str, JSONValue] = field(default_factory=dict)

    @classmethod
    def unreadable(cls, text: str, problem: str, *, account_id: str = "", name: str = "unreadable") -> ParsedEvent:
        """What came from the vendor for certain and becomes no event: the beginning is kept and shown in the console.

        Nothing of it reaches a flow.
        """
        text = text.replace("\x00", "")
        return cls(
            vendor_event=name,
            object_type="",
            external_id="",
            dedupe_key=f"{name}:{keyed_hash(text)}",
            account_id=account_id,
            payload={"problem": problem, "body": mask_secrets(text[:8000])[:2000]},
        )


@dataclass(frozen=True)
class WebhookRequest:
    """An HTTP request at one of our endpoints as the connector sees it."""

    method: str
    url: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes

    @classmethod
    def of(cls, request: Any) -> WebhookRequest:
        """From Django's request, with the address as the vendor sees it and parameters that any database stores."""
        return cls(
            method=str(request.method),
            url=settings.PUBLIC_URL.rstrip("/") + request.get_full_path(),
            headers=request.headers,
            query=storable({name: str(value) for name, value in request.GET.items()}) if request.GET else {},
            body=request.body,
        )

    def header(self, name: str) -> str:
        """The header of this name, in whatever case it is written; "" without one."""
        wanted = name.lower()
        return next((value for written, value in self.headers.items() if written.lower() == wanted), "")


@dataclass(frozen=True)
class Subscription:
    """A webhook that exists at the vendor."""

    external_id: str
    event: str
    url: str
    active: bool = True


@dataclass(frozen=True)
class Formatting:
    """What a vendor, or our client for it, makes of a value: the same value in other letters is no difference.

    `longest`: at how many characters texts are cut. `decimals`: how many are kept of a number. `phone_digits`: phone
    numbers are written in a form of the vendor's own. `ignores_case`: keys of the fields whose letters it lowers.
    """

    longest: int | None = None
    decimals: int | None = None
    phone_digits: bool = False
    ignores_case: frozenset[str] = frozenset()


class Intake(Protocol):
    """What every vendor's `webhooks.py` has: proof of origin and parsing. All functions are plain module functions."""

    MOST_EVENTS: int  # of one call: the largest the vendor is known to send, and room above it
    EVENTS: Mapping[str, str]  # vendor event we can ask for → what it means
    IGNORED_EVENTS: Mapping[str, str]

    def verify(self, request: WebhookRequest, secrets: Sequence[str]) -> bool:
        """Say whether the request proves to come from the vendor, with any of the currently valid secrets."""

    def parse(self, request: WebhookRequest) -> Sequence[ParsedEvent]:
        """Turn the body into events. Raises ContractError when it has no documented shape.

        And TooManyEvents, before any of them is built, when there are more than MOST_EVENTS.
        """


class Webhooks(Intake, Protocol):
    """The same for a vendor where we make a webhook for each account and event."""

    def subscribe(self, client: Any, event: str, url: str, secret: str) -> str:
        """Create one webhook at the vendor and return its id."""

    def unsubscribe(self, client: Any, external_id: str) -> None:
        """Delete one webhook at the vendor; an already missing one is fine."""

    def list_subscriptions(self, client: Any) -> Sequence[Subscription]:
        """List the webhooks our credentials can see."""


@dataclass(frozen=True)
class RateWindow:
    """One budget of a vendor: `seconds` long, at most `limit` calls or tokens when the vendor does not tell itself."""

    key: str
    label: StrOrPromise
    seconds: int
    limit: int | None = None
    reserve: float = 0.0  # what we leave untouched for the customer's own use, as a share of the limit
    per_call: float = 1.0  # what a call takes off it, roughly, where calls differ
    every_call: bool = False  # each call is charged to it, so that nothing goes on while it is used up


@dataclass(frozen=True)
class OAuth:
    """Where and how a vendor's authorization-code flow runs (RFC 6749). The app's id and secret come from settings."""

    authorize_url: str
    token_url: str
    revoke_url: str
    scopes: tuple[str, ...] = ()
    pkce: bool = False
    client_auth: str = "client_secret_basic"


LONGEST_LIFETIME = 10 * 366 * 86400  # seconds; what lives longer than ten years is no access token


def is_lifetime(seconds: object) -> TypeGuard[float]:
    """Whether these are the seconds that an access token can live."""
    return isinstance(seconds, (int, float)) and abs(seconds) <= LONGEST_LIFETIME


@dataclass(frozen=True)
class Tokens:
    """What a token endpoint gave, already checked. `api_domain` becomes the connection's base URL."""

    access_token: str
    refresh_token: str
    expires_at: datetime
    api_domain: str
    scope: str

    def values(self) -> dict[str, str]:
        """Return the secrets to store, all text."""
        return {
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "expires_at": self.expires_at.isoformat(),
            "scope": self.scope,
        }


@dataclass(frozen=True)
class References:
    """How the names behind ids are read: of users, organizations and whatever else `FieldSpec.refers` names.

    `names` may give more than was asked for. `renamed` gives what changed since a time, None where that is not to be
    told in a call or two.
    """

    names: Callable[[Any, str, Sequence[str]], Mapping[str, str]]  # (client, kind, ids) → id → name
    renamed: Callable[[Any, str, datetime], Mapping[str, str] | None] = lambda client, kind, since: {}


@dataclass(frozen=True)
class Connector:
    """One vendor. `open` builds a client, `check` proves the credentials and names the account."""

    key: str
    label: str
    auth_kinds: tuple[str, ...]
    policy: HostPolicy
    default_base_url: str
    windows: tuple[RateWindow, ...]
    open: Callable[[Credentials, Instrumentation], Any]
    check: Callable[[Any], Account]
    fields: Callable[[Any, str], Sequence[FieldSpec]]
    create_field: Callable[[Any, str, FieldSpec], FieldSpec]
    webhooks: Intake | None = None  # None: the vendor calls nobody, it is polled
    asks: Mapping[str, StrOrPromise] = field(
        default_factory=dict
    )  # what a connection needs beside its secret: name → label
    app_webhooks: bool = False  # one address of ours serves all accounts; events name theirs, the app's secret proves
    webhook_addresses: Callable[[str, str], Mapping[str, str]] | None = None  # (url, secret) → purpose → whole address
    oauth: OAuth | None = None
    identify: Callable[[Any], Identity] | None = None  # with OAuth: who the person is that gave the consent
    read_removal: Callable[[WebhookRequest, str, str], Removal | None] | None = None  # proven with our app's id, secret
    objects: Mapping[str, ObjectApi[Any, Any]] = field(default_factory=dict)  # by key, each vendor's own
    name_problem: Callable[[str], str] = lambda name: ""  # why no field can be created under a name; empty if one can
    field_name: Callable[[str, int], str] = lambda label, number: (
        label.strip() if number == 1 else (f"{label.strip()} {number}")
    )  # a label as the vendor writes names of fields; the number tells apart what would be the same
    open_fields: bool = False  # records may carry more than `fields` lists: rows may name any key
    formatting: Formatting = Formatting()
    references: References | None = None  # None: names behind ids are not to be had
    path_of: Callable[[FieldSpec], str] = lambda spec: spec.key  # where a record's values have this field
    rights: Callable[[Any], Sequence[Permission]] = (
        lambda client: ()
    )  # what the credentials may do, as far as one can tell
    sunsets: Mapping[str, Sunset] = field(default_factory=dict)  # what is known to end: "API version 2026-09" → when
    # What granted permissions allow beside themselves: "deals:full" includes "deals:read".
    includes: Callable[[frozenset[str]], frozenset[str]] = lambda granted: granted
    one_writer: bool = False  # the vendor stumbles over two writers at a time, also of two integrations
    most_bytes: int = 2 * 1024 * 1024  # of one call to our door; a larger one is refused before it is read
    busy_status: int = 503  # what the vendor must hear from our door to deliver an event again later
    normalise_base_url: Callable[[str], str] = lambda url: url.rstrip("/")

    @property
    def subscriptions(self) -> Webhooks | None:
        """What makes webhooks at the vendor; None where its app says whom to call, a person enters our address, or it
        calls nobody."""
        silent = self.app_webhooks or self.by_hand or self.webhooks is None
        return None if silent else cast(Webhooks, self.webhooks)

    @property
    def by_hand(self) -> bool:
        """Whether only a person can enter our address at the vendor."""
        return self.webhooks is not None and not self.app_webhooks and not hasattr(self.webhooks, "subscribe")
