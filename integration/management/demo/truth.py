"""What is proven about truth, one method per line of `make demo-check`: the hub says only what it has evidence for."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import requests
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integration.engine.clients import connection_health
from integration.engine.diagnose import examine
from integration.engine.setup import lifecycle, provisioning
from integration.engine.sync import bulk_runs, compare, replay, runs
from integration.engine.sync.repair import Take
from integration.management.demo import pipedrive_brevo, pipedrive_maileon
from integration.management.demo.maileon_side import ACCOUNT
from integration.management.demo.stage import Body, NotSeen, Row, Stage
from integration.models import ConsentEntry, Drift, FieldMapping, RateBudget, SyncRun
from integration.recipes.registry import get_recipe
from tenants.models import Member, Role

Line = Callable[[], str]
FLOW = "person_to_contact"
MANY = 300  # people of the dry run
SOON = 20.0  # seconds: a dead worker is told within 15, and pages take a moment to be read
IN_STEP = "Everything is in sync"
NO_WORKER, NO_ANSWER, NO_BUDGET = "No worker is alive", "has not answered", "is used up"
FAILING = {"error_rate": 1.0, "error_status": 503}


class AtMaileon(pipedrive_maileon.Story):
    """Pipedrive and Maileon of a tenant, in which much happens that nothing tells of."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        stage.save_settings(self.integration, contacts_enabled=True)
        self.pages = Pages(stage, self)

    def lines(self) -> list[Line]:
        """In the order of their numbers."""
        return [
            self.edited, self.gone, self.believed, self.dry_is_real, self.cancelled, self.schema_watched,
            self.mailing_silent, self.vendor_down, self.budget_gone, self.workers_killed,
        ]  # fmt: skip

    def edited(self) -> str:
        """A name that somebody changed in Maileon, where no event tells of it."""
        _, email = self.subscribe_and_confirm("Edited Edna")
        self.rename_there(email, "Wrong")
        row = self.difference(field="LASTNAME")
        self.pages.none_says(IN_STEP)
        self.repaired(Take.OURS)
        self.stage.until("the repair", lambda: self.last_name(email) == "Edna" and not self.differences())
        self.pages.some_says("Everything is in sync. Last change")
        return (
            f"a name edited in Maileon: found ({row.ours} / {row.theirs}), no page green, repaired, proven by reading"
        )

    def gone(self) -> str:
        """A contact that somebody deleted in Maileon."""
        person, email = self.subscribe_and_confirm("Deleted Della")
        self.stage.control("DELETE", f"/maileon/{ACCOUNT}/contacts/{email}")
        row = self.difference(kind="only_source")
        if row.source_id != person:
            raise NotSeen(f"{row.source_id} is missing, not {person}")
        self.repaired(Take.OURS)
        if self.found(email) is not None:
            raise NotSeen("the contact was subscribed again")
        return "a contact deleted in Maileon: found as missing, and a repair subscribes nobody again"

    def believed(self) -> str:
        """A person presses Sync now; nothing changed in Pipedrive."""
        person, email = self.subscribe_and_confirm("Believed Bea")
        self.rename_there(email, "Wrong")
        replay.resync(self.integration, FLOW, [person])
        self.stage.until("the name", lambda: self.last_name(email) == "Bea")
        return "Sync now writes what the hub remembers as written: the person is believed"

    def dry_is_real(self) -> str:
        """A dry run says what the real run then does, with each option; Maileon knows some of the people already."""
        self.planted("Truth", MANY)
        for number in range(0, MANY, 10):
            self.stage.control("POST", f"/maileon/{ACCOUNT}/contacts", {"email": f"truth{number}@example.com",
                                                                       "permission": 2})  # fmt: skip
        said = []
        for allow, certain in ((False, False), (False, True), (True, False), (True, True)):
            options = {"allow_doi": allow, "certain": certain}
            dry, real = self.fetched(options, dry_run=True), self.fetched(options)
            if dry.counts != real.counts:
                raise NotSeen(f"{options}: dry {dry.counts}, real {real.counts}")
            said.append(sum(count for key, count in real.counts.items() if ":" not in key))
        return f"{MANY} people, four ways of Fetch All: each dry run counted what was then done ({said} written)"

    def cancelled(self) -> str:
        """Cancel while each call takes 150 ms."""
        for vendor in ("pipedrive", "maileon"):
            self.stage.control("POST", "/misbehave", {"vendor": vendor, "latency_ms": 150})
        self.planted("Cancelled", 100)
        run = runs.start(self.integration, "fetch_all", FLOW, options={"allow_doi": True})
        self.stage.until("the run's first records", lambda: SyncRun.objects.filter(pk=run.pk, done__gt=0).exists())
        began = time.monotonic()
        runs.cancel(SyncRun.objects.get(pk=run.pk))
        self.stage.until("the end", lambda: SyncRun.objects.filter(pk=run.pk, finished_at__isnull=False).exists(), 6)
        took = time.monotonic() - began
        self.stage.control("DELETE", "/misbehave")
        run.refresh_from_db()
        asked = run.counts.get("ask_by_mail", 0)
        if run.state != "cancelled" or asked >= 100 or took > 5:
            raise NotSeen(f"the run is {run.state} after {took:.1f} s, {asked} of 100 people were asked")
        return f"Cancel at 150 ms a call: over after {took:.1f} s, {asked} of 100 people were asked, which is kept"

    def schema_watched(self) -> str:
        """Somebody deletes a mapped field in Pipedrive."""
        made = self.stage.control(
            "POST", "/pipedrive/acme/personFields", {"field_name": "Shoe size", "field_type": "double"}
        )
        code = str(made["data"]["field_code"])
        FieldMapping.objects.create(
            integration=self.integration, flow=FLOW, source=f"custom_fields.{code}", target="CITY", transform="text",
        )  # fmt: skip
        self.stage.save_settings(self.integration)
        self.stage.control("DELETE", f"/pipedrive/acme/personFields/{code}")
        provisioning.provision(self.integration, get_recipe)
        row = FieldMapping.objects.exclude(problem="").filter(integration=self.integration).first()
        if row is None:
            raise NotSeen("no mapping row is marked")
        self.pages.some_says("Pipedrive has no such field any more")
        problem, _ = row.problem, row.delete()
        self.stage.save_settings(self.integration)
        return f"a mapped field deleted in Pipedrive: the row says so (“{problem[:60]}…”), others travel on"

    def mailing_silent(self) -> str:
        """A wrong opt-in key: Maileon takes the call and sends nothing. That nobody clicks is what proves it."""
        self.stage.control("PATCH", f"/maileon/{ACCOUNT}", {"doi_mailings": ["welcome"]})
        self.stage.save_settings(self.integration, doi_key="welcom")
        for number in range(settings.ALERT_OPT_IN_MINIMUM):
            self.person(f"Unasked Uma{number}", newsletter="Yes", email=f"uma{number}@example.com")
        asked = ConsentEntry.objects.filter(integration=self.integration, became="pending")
        least = settings.ALERT_OPT_IN_MINIMUM
        self.stage.until("who was asked", lambda: asked.filter(at__gt=timezone.now() - timedelta(hours=1),
                                                              was="").count() >= least)  # fmt: skip
        ConsentEntry.objects.filter(integration=self.integration).exclude(became="pending").delete()
        asked.update(at=timezone.now() - timedelta(days=2))
        report = examine.examine(self.integration, get_recipe)
        found = [finding.code for finding in report.faults]
        self.stage.control("PATCH", f"/maileon/{ACCOUNT}", {"doi_mailings": None})
        self.stage.save_settings(self.integration, doi_key="")
        if "opt_ins_unanswered" not in found:
            raise NotSeen(f"Diagnose says {found}")
        return f"a wrong opt-in key is accepted in silence; {least} people asked, nobody clicked: Diagnose says so"

    def workers_killed(self) -> str:
        """Every worker dies."""
        self.stage.processes.kill("worker")
        began = time.monotonic()
        self.pages.wait_for(NO_WORKER, SOON + 5)
        took = time.monotonic() - began
        health = requests.get(f"{settings.PUBLIC_URL}/healthz", timeout=5).json()
        self.stage.processes.start_worker()
        self.stage.until("a worker", lambda: not self.pages.any_says(NO_WORKER), SOON + 20)
        if took > SOON or health["worker"] is not False:
            raise NotSeen(f"told after {took:.0f} s, /healthz says worker: {health['worker']}")
        return f"every worker killed: {len(self.pages.addresses)} pages and /healthz told within {took:.0f} s"

    def vendor_down(self) -> str:
        """Maileon answers nothing but 503."""
        self.stage.control("POST", "/misbehave", {"vendor": "maileon", **FAILING})
        person = self.person("Waiting Wilma", newsletter="Yes")
        self.pages.wait_for(NO_ANSWER, 40)
        self.stage.control("DELETE", "/misbehave")
        self.integration.right.refresh_from_db()
        connection_health.check(self.integration.right)
        type(self.integration.right).objects.filter(pk=self.integration.right_id).update(not_before=None)
        replay.resync(self.integration, FLOW, [person])  # nobody waits for the next try by the clock
        self.wait_contact("waiting.wilma@example.com", doi_mails_sent=1)
        return "Maileon down: every page says since when and when the next try is; afterwards the change arrived"

    def budget_gone(self) -> str:
        """Pipedrive's budget of the day is used up."""
        mine = RateBudget.objects.filter(connection=self.integration.left, window="day")
        before = mine.first()
        resets_at = timezone.now() + timedelta(hours=2)
        # An answer that was on its way may say once more what was left before.
        self.pages.wait_for(NO_BUDGET, again=lambda: mine.update(remaining=0, resets_at=resets_at))
        said = self.pages.sentence()
        if before is not None:
            mine.update(remaining=before.remaining, resets_at=before.resets_at)
        until = re.search(r"continues at .*?\d\d:\d\d", said)
        if until is None:
            raise NotSeen(f"no page says until when: {said}")
        return f"the day's budget gone: every page says so and until when (“{until[0]}”)"

    # What happens

    def planted(self, name: str, count: int) -> None:
        """So many people were there before, who say Yes."""
        fields = self.newsletter("Yes")
        people = [{"name": f"{name} {n}", "emails": [{"value": f"{name.lower()}{n}@example.com"}],
                   "custom_fields": fields} for n in range(count)]  # fmt: skip
        self.stage.control("POST", "/pipedrive/acme/seed", {"persons": people})

    def rename_there(self, email: str, name: str) -> None:
        """Somebody edits a contact in Maileon's pages."""
        self.stage.control("PATCH", f"/maileon/{ACCOUNT}/contacts/{email}", {"standard": {"LASTNAME": name}})

    def last_name(self, email: str) -> str:
        """The name Maileon has."""
        return str((self.found(email) or {}).get("standard", {}).get("LASTNAME"))

    def difference(self, **which: Body) -> Drift:
        """What a comparison finds, once what came before has come to rest: a change that waits is none."""

        def look() -> Drift | None:
            self._over(runs.start(self.integration, compare.KIND, FLOW))
            found = self.differences(**which)
            return found[0] if len(found) == 1 else None

        return self.stage.until(f"one difference with {which}", look)

    def fetched(self, options: Row, *, dry_run: bool = False) -> SyncRun:
        """A Fetch All from beginning to end, with what it brings about."""
        return self._over(runs.start(self.integration, "fetch_all", FLOW, dry_run=dry_run, options=options))

    def repaired(self, take: Take) -> None:
        """All differences are settled in one way."""
        rows = Drift.objects.filter(integration=self.integration, state="open").select_related("integration")
        for run in bulk_runs.start_repair(rows, take, get_recipe, None).runs:
            self._over(run)

    def differences(self, **which: Body) -> list[Drift]:
        """What the last comparison found of records that are at the source."""
        rows = Drift.objects.filter(integration=self.integration, state="open", **which)
        return list(rows.exclude(kind="only_target"))

    def _over(self, run: SyncRun) -> SyncRun:
        def look() -> SyncRun | None:
            return SyncRun.objects.filter(pk=run.pk, finished_at__isnull=False).first()

        found = self.stage.until(f"the end of run {run.pk}", look, 120)
        if found.state != "done":
            raise NotSeen(f"run {run.pk} ended as {found.state}: {found.problem}")
        return found


class AtBrevo(pipedrive_brevo.Story):
    """Pipedrive and Brevo of a tenant: a field that travels both ways."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        stage.save_settings(self.integration)

    def lines(self) -> list[Line]:
        """In the order of their numbers."""
        return [self.taken_over]

    def taken_over(self) -> str:
        """An edit in Brevo whose event was lost; somebody decides that it counts."""
        person, email = self.person("Taken Tilda"), pipedrive_brevo.address("Taken Tilda")
        self.wait(email, LASTNAME="Tilda")
        self.stage.control("POST", "/misbehave", {"vendor": "brevo", "webhooks": {"hold": True}})
        self.edit(email, LASTNAME="Better")
        row = Drift.objects.create(
            integration=self.integration, flow=FLOW, kind="differs", source_id=person, target_id="known",
            field="LASTNAME", ours="Tilda", theirs="Better", two_way=True,
        )  # fmt: skip
        [run] = bulk_runs.start_repair([row], Take.THEIRS, get_recipe, None).runs
        self.stage.until("the repair", lambda: SyncRun.objects.filter(pk=run.pk, finished_at__isnull=False).exists())
        shown = str(self.shown(person).get("last_name"))
        self.stage.control("DELETE", "/misbehave")
        if shown != "Better":
            raise NotSeen(f"Pipedrive says {shown}")
        return "a field that travels both ways: what Brevo has was taken over into Pipedrive, by a person's decision"


class Pages:
    """The pages that say how an integration is, as a member and an operator read them."""

    def __init__(self, stage: Stage, story: AtMaileon) -> None:
        self.stage, self.integration = stage, story.integration
        users = get_user_model().objects
        member = users.create_user(f"member-{story.tenant.pk}")
        Member.objects.create(user=member, tenant=story.tenant, role=Role.OWNER)
        operator = users.create_superuser(f"watch-{story.tenant.pk}", password=None)
        ids = {"tenant_id": story.tenant.pk, "integration_id": story.integration.pk}
        self.clients = {"portal": self._client(member), "console": self._client(operator)}
        self.addresses = [
            ("portal", reverse("portal:overview", kwargs={"tenant_id": story.tenant.pk})),
            ("portal", reverse("portal:integration", kwargs=ids)),
            ("console", reverse("admin:integration_integration_change", args=[story.integration.pk])),
        ]

    def some_says(self, words: str) -> None:
        """Make sure that the integration's own page says this."""
        if words not in self.sentence():
            raise NotSeen(f"the page does not say “{words}”: {self.sentence()[:400]}")

    def none_says(self, words: str) -> None:
        """Make sure that no page says this."""
        if self.any_says(words):
            raise NotSeen(f"a page says “{words}”")

    def any_says(self, words: str) -> bool:
        """Whether a page says this."""
        return any(words in self._read(*address) for address in self.addresses)

    def wait_for(self, words: str, patience: float = 25.0, again: Callable[[], object] = lambda: None) -> None:
        """Wait until every page says this; `again` is done before each look. Raises NotSeen with what they say."""

        def look() -> bool:
            again()
            return self.all_say(words)

        try:
            self.stage.until(words, look, patience)
        except NotSeen as exc:
            said = [self._read(*address)[200:700] for address in self.addresses]
            raise NotSeen(f"{exc}; the pages say: {said}") from exc

    def all_say(self, words: str) -> bool:
        """Whether every page says this, and none that all is in sync."""
        texts = [self._read(*address) for address in self.addresses]
        return all(words in text and IN_STEP not in text for text in texts)

    def sentence(self) -> str:
        """What the integration's page says."""
        return self._read(*self.addresses[1])

    def _client(self, user: Body) -> Client:
        client = Client(headers={"host": settings.PUBLIC_URL.rpartition("/")[2]})
        client.force_login(user)
        return client

    def _read(self, who: str, address: str) -> str:
        answer = self.clients[who].get(address, follow=True)
        if answer.status_code != 200:
            raise NotSeen(f"{address} answered {answer.status_code}")
        return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def items(stage: Stage) -> Iterator[tuple[int, Line]]:
    """The lines by their number. A story begins when its turn comes, and leaves nothing behind."""
    number = 0
    for make in (AtMaileon, AtBrevo):
        story = make(stage)
        for line in story.lines():
            number += 1
            yield number, line
        lifecycle.uninstall(story.integration, get_recipe)
