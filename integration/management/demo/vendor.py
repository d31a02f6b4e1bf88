"""What is proven about the vendors' borders, one method per line of `make demo-check`. Each says what was seen."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256

import requests
from django.conf import settings
from django.utils import timezone

from integration.engine.clients import connection_health, sunsets
from integration.engine.clients.session import OpenSession
from integration.engine.setup import lifecycle
from integration.errors import RecordError
from integration.management.demo import hubspot_maileon, leadboxer_pipedrive, pipedrive_maileon, planhat_pipedrive
from integration.management.demo.maileon_side import ACCOUNT
from integration.management.demo.planhat_side import COMPANY, RECIPE
from integration.management.demo.stage import NotSeen, Stage
from integration.models import FieldMapping, Integration, SyncJob, WebhookEvent
from integration.reasons import Reason
from integration.recipes.registry import get_recipe
from integration.tasks import start_runs

Line = Callable[[], str]
MINE = "grace@acme.example"
MANY = 120  # leads: more than a page has


class AtMaileon(pipedrive_maileon.Story):
    """Pipedrive and Maileon of a tenant."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        stage.save_settings(self.integration, contacts_enabled=True)

    def lines(self) -> list[Line]:
        """In the order of their numbers."""
        return [self.field_shown, self.mailing_unknown, self.permission_named, self.sunset_noticed]

    def field_shown(self) -> str:
        """The field that people fill in stands where they add a person."""
        key = str(self.integration.resources["newsletter"])
        rows = self.stage.control("GET", "/pipedrive/acme/state")["custom_fields"]["person"]
        if not next(row for row in rows if row["code"] == key)["add_visible"]:
            raise NotSeen("Newsletter is hidden where a person is added")
        return "the field Newsletter stands in the dialog “Add person”"

    def mailing_unknown(self) -> str:
        """A mailing key that does not exist is accepted in silence: a test mail shows it."""
        trial = get_recipe("pipedrive_maileon").opt_in_trial
        if trial is None:
            raise NotSeen("no test opt-in is offered")
        self.stage.control("PATCH", f"/maileon/{ACCOUNT}", {"doi_mailings": ["welcome"]})
        self.stage.save_settings(self.integration, doi_key="welcom")
        said = trial.send(OpenSession(self.integration, get_recipe("pipedrive_maileon")), MINE)
        silent = [row["email"] for row in self.mails()].count(MINE)
        self.stage.save_settings(self.integration, doi_key="welcome")
        trial.send(OpenSession(self.integration, get_recipe("pipedrive_maileon")), MINE)
        self.stage.until("the mail", lambda: [row["email"] for row in self.mails()].count(MINE) == 1)
        self.click(MINE)
        try:
            trial.send(OpenSession(self.integration, get_recipe("pipedrive_maileon")), MINE)
        except RecordError:
            self.stage.control("PATCH", f"/maileon/{ACCOUNT}", {"doi_mailings": None})
            self.stage.save_settings(self.integration, doi_key="")
            if silent or "“welcom” does not exist" not in said:
                raise NotSeen(f"{silent} mails, said: {said}") from None
            return "test opt-in: wrong key → no mail and said where to look; right key → mail; a subscriber gets none"
        raise NotSeen("a subscriber was sent an opt-in mail")

    def permission_named(self) -> str:
        """A consent that lacks one of the named permissions holds the work and loses nothing."""
        named = [needed.name for needed in get_recipe("pipedrive_maileon").permissions["left"]]
        fewer = [name for name in named if name != "contacts:full"]
        self.stage.control("PATCH", "/pipedrive/acme", {"token_scopes": fewer})
        person = self.person("Permitted Pia", newsletter="Yes")
        held = SyncJob.objects.filter(external_id=person, state="held", reason=Reason.PERMISSION_MISSING)
        self.stage.until("the held job", held.exists)
        self.stage.control("PATCH", "/pipedrive/acme", {"token_scopes": named})
        self.integration.left.refresh_from_db()
        connection_health.check(self.integration.left)
        self.wait_contact("permitted.pia@example.com", doi_mails_sent=1)
        self.stage.control("PATCH", "/pipedrive/acme", {"token_scopes": None})
        return f"without contacts:full held, with the {len(named)} permissions of the recipe it went on by itself"

    def sunset_noticed(self) -> str:
        """A vendor announces the end of a call in its answers."""
        ends = datetime.now(UTC) + timedelta(days=90)
        headers = {"Sunset": format_datetime(ends, usegmt=True), "Deprecation": "@1688169599"}
        self.stage.control("POST", "/misbehave", {"vendor": "pipedrive", "account": "acme", "headers": headers})
        self.person("Setting Sun", newsletter="Yes")
        row = self.stage.until("the announced end", lambda: sunsets.near(timezone.now()).filter(declared=False).first())
        self.stage.control("POST", "/misbehave", {"vendor": "pipedrive", "account": "acme", "headers": {}})
        return f"Pipedrive said in an answer that “{row.place}” ends in 90 days: listed, and an alert is due"


class AtHubSpot(hubspot_maileon.Story):
    """HubSpot and Maileon of the tenant that logged in before."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.integration = Integration.objects.filter(recipe="hubspot_maileon").latest("created_at")

    def lines(self) -> list[Line]:
        """In the order of their numbers."""
        return [self.odd_event_kept, self.unannounced_polled]

    def odd_event_kept(self) -> str:
        """A delivery with an event that nobody can read: its neighbour goes on, and a row tells of it."""
        portal = int(self.integration.left.external_account_id)
        odd = {"portalId": portal, "objectId": {"id": 7}, "subscriptionType": "contact.creation"}
        good = {"portalId": portal, "objectId": 1, "subscriptionType": "contact.associationChange", "eventId": 99}
        answer = _delivered(json.dumps([odd, good]).encode())
        rows = WebhookEvent.objects.filter(connection=self.integration.left)
        kept = rows.filter(vendor_event="unreadable").first()
        if answer != 200 or kept is None or not rows.filter(vendor_event="contact.associationChange").exists():
            raise NotSeen(f"answered {answer}, kept {kept}")
        return "one of two events unreadable: both kept, one with what is wrong with it"

    def unannounced_polled(self) -> str:
        """A mapped property that the app does not hear of."""
        FieldMapping.objects.get_or_create(
            integration=self.integration, flow="contact_to_contact", source="website", target="Website",
            defaults={"transform": "text"},
        )  # fmt: skip
        self.stage.save_settings(self.integration)
        contact, email = self.confirmed("Polled Polly")
        self.change(contact, website="https://polly.example")

        def look() -> bool:
            start_runs(self.integration, "poll")  # HubSpot's search may know of a change only after a while
            return bool((self.found(email) or {})["custom"].get("Website"))

        self.stage.until("the website", look, patience=90)
        return "a property that HubSpot does not announce arrived by the poll"


class AtLeadBoxer(leadboxer_pipedrive.Story):
    """LeadBoxer and Pipedrive of a tenant."""

    def lines(self) -> list[Line]:
        """In the order of their numbers."""
        return [self.next_page_found]

    def next_page_found(self) -> str:
        """No document names the token of the next page; here it has a name that no code of ours knows."""
        for number in range(MANY):
            self.company(f"Paged{number} Ltd", email=f"ada@paged{number}.example")
        part = {"enabled": True, "dataset": leadboxer_pipedrive.SITE, "segment": leadboxer_pipedrive.EVERYBODY}
        leads = {f"leads_{name}": value for name, value in part.items()}
        self.stage.save_settings(self.integration, **leads, leads_link="organization")
        run = self.fetch_all("lead_to_lead", dry_run=True)
        if sum(run.counts.values()) < MANY:
            raise NotSeen(f"{run.counts} of {MANY} leads")
        return f"a page whose next token has an unknown name: all {MANY} leads seen"


class AtPlanhat(planhat_pipedrive.Story):
    """Pipedrive and Planhat of the tenant that was there before."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.integration = Integration.objects.filter(recipe=RECIPE).latest("created_at")
        self.tenant = self.integration.tenant
        self.number = str(stage.control("GET", "/planhat/accounts")[0]["id"])

    def lines(self) -> list[Line]:
        """In the order of their numbers."""
        return [self.note_stays_one]

    def note_stays_one(self) -> str:
        """A note is changed at its source: Planhat would make another one of a row without its own id."""
        org = self.organization("Noted Ltd")
        self.won(org, "Noted")
        self.row("companies", sourceId=org)
        note = self.made("notes", content="first words", org_id=int(org))
        self.won(org, "Noted again")
        self.row("conversations", description="first words")
        self.stage.control("PATCH", f"/pipedrive/{COMPANY}/notes/{note}", {"content": "other words"})
        self.won(org, "Noted once more")
        self.row("conversations", description="other words")
        if [row for row in self.planhat("conversations") if row.get("description") == "first words"]:
            raise NotSeen("the note is there twice")
        return "a changed note stayed one note in Planhat"


def _delivered(body: bytes) -> int:
    """Deliver a body as HubSpot does, signed with the app's secret; returns the status of our answer."""
    url, stamp = f"{settings.PUBLIC_URL}/hooks/hubspot/", str(int(time.time() * 1000))
    secret = settings.OAUTH_APPS["hubspot"]["client_secret"]
    signed = hmac.new(secret.encode(), f"POST{url}".encode() + body + stamp.encode(), sha256).digest()
    headers = {
        "X-HubSpot-Signature-v3": base64.b64encode(signed).decode(), "X-HubSpot-Request-Timestamp": stamp,
        "Content-Type": "application/json",
    }  # fmt: skip
    return requests.post(url, data=body, headers=headers, timeout=10).status_code


def items(stage: Stage) -> Iterator[tuple[int, Line]]:
    """The lines by their number. A story begins when its turn comes, and leaves nothing behind."""
    number = 0
    for make in (AtMaileon, AtHubSpot, AtLeadBoxer, AtPlanhat):
        story = make(stage)
        for line in story.lines():
            number += 1
            yield number, line
        lifecycle.uninstall(story.integration, get_recipe)
