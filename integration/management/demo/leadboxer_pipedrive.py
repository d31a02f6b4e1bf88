"""The story of LeadBoxer → Pipedrive, item by item of its specification (seed 003). Each item says what was seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from integration.engine.clients import connection_health
from integration.engine.setup.settings import bound_form
from integration.engine.sync import runs
from integration.engine.sync.polls import mark
from integration.management.demo.stage import PIPEDRIVE_TOKEN, Body, NotSeen, Row, Stage
from integration.models import Connection, FieldMapping, Health, Integration, RunState, SyncJob, SyncLog, SyncRun
from integration.reasons import Reason
from integration.recipes.leadboxer_pipedrive.reasons import LeadBoxerReason
from integration.recipes.registry import get_recipe
from integration.tasks import poll_by_clock, start_runs
from tenants.models import Tenant

ACCOUNT, KEY, LOGIN = 401, "1eadb0c5" * 5, "grace@acme.example"
SITE = "5173" * 8
EVERYBODY, TOP = f"{SITE}:900", f"{SITE}:901"
HOUR = timedelta(hours=1)


class Story:
    """One tenant with both systems connected, and what happens there."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.tenant = Tenant.objects.create(name="ACME Leads")
        stage.control("PATCH", f"/leadboxer/{ACCOUNT}", {"calls_per_minute": 0})  # nobody waits minutes for a demo
        left = stage.connect(self.tenant, "leadboxer", "leadboxer/v1", api_key=KEY, email=LOGIN)
        right = stage.connect(self.tenant, "pipedrive", "pipedrive/acme", api_token=PIPEDRIVE_TOKEN)
        self.integration = Integration.objects.create(
            tenant=self.tenant, recipe="leadboxer_pipedrive", left=left, right=right
        )

    # Visitors and vendors

    def visit(self, *pages: str, minutes_ago: float = 12, **wish: Body) -> dict[str, str]:
        """A visit that is over, a page view each; returns the ids of lead and session."""
        made: dict[str, str] = {}
        for number, page in enumerate(pages or ("/",)):
            known = {"lead": made["lead"]} if made else {}
            seen = {"url": f"https://acme.example{page}", "minutes_ago": minutes_ago + len(pages) - number}
            made = self.stage.control("POST", f"/leadboxer/{ACCOUNT}/{SITE}/track", {**wish, **known, **seen})
        return made

    def company(self, name: str, **wish: Body) -> dict[str, str]:
        """Somebody of this company looks at a page a minute ago."""
        domain = f"{name.split()[0].lower()}.example"
        known = {"organizationName": name, "organizationDomain": domain, "minutes_ago": 1, "score": 50}
        return self.visit(**{**known, **wish})

    def pipedrive(self, kind: str) -> list[Row]:
        """The living records of one kind in Pipedrive."""
        rows = self.stage.control("GET", "/pipedrive/acme/state")[kind]
        return [row for row in rows if not row.get("is_deleted")]

    def create(self, kind: str, **values: Body) -> int:
        """Somebody creates a record in Pipedrive; returns its id."""
        return int(self.stage.control("POST", f"/pipedrive/acme/{kind}", values)["data"]["id"])

    def lead(self, title: str) -> Row:
        """Wait for the one lead with this title."""
        self.stage.until(f"the lead {title}", lambda: any(row["title"] == title for row in self.pipedrive("leads")))
        found = [row for row in self.pipedrive("leads") if row["title"] == title]
        if len(found) != 1:
            raise NotSeen(f"{len(found)} leads “{title}”")
        return found[0]

    def activities(self, person_id: int) -> list[Row]:
        """What was logged for a person."""
        return [row for row in self.pipedrive("activities") if row["person_id"] == person_id]

    # The hub

    def poll(self) -> None:
        """What the clock does every hour."""
        self.stage.until("earlier polls", lambda: not self._unfinished())
        self.stage.until("the start of the polls", lambda: start_runs(self.integration, "poll"))
        self.stage.until("the polls", lambda: not self._unfinished())

    def _unfinished(self) -> bool:
        rows = SyncRun.objects.filter(integration=self.integration, state__in=(RunState.WAITING, RunState.RUNNING))
        jobs = SyncJob.objects.filter(integration=self.integration, state__in=("waiting", "running"))
        return rows.exists() or jobs.exclude(reason=Reason.CAP_REACHED).exists()

    def fetch_all(self, flow: str, *, dry_run: bool = False) -> SyncRun:
        """Run Fetch All to its end."""
        run = runs.start(self.integration, "fetch_all", flow, dry_run=dry_run)
        self.stage.until("Fetch All", lambda: SyncRun.objects.filter(pk=run.pk, state=RunState.DONE).exists())
        run.refresh_from_db()
        return run

    def said(self, lead: str) -> str:
        """The newest reason the log has for a lead."""
        rows = SyncLog.objects.filter(integration=self.integration, flow="lead_to_lead", source_id=lead)
        row = self.stage.until(f"a log row of {lead}", lambda: rows.order_by("-id").first())
        return row.reason or row.action

    # Item by item

    def item_1(self) -> str:
        """Key and login are checked when they are entered."""
        bad = Connection(
            tenant=self.tenant, vendor="leadboxer", base_url=self.integration.left.base_url, auth_kind="api_key"
        )
        bad.store_credentials({"api_key": KEY[:-2], "email": LOGIN}, KEY)
        bad.save()
        if connection_health.check(bad) or bad.health != Health.NEEDS_YOU:
            raise NotSeen("a truncated key was accepted")
        bad.delete()
        left, right = self.integration.left.account_name, self.integration.right.account_name
        return f"truncated key refused; “{left}” by key and login, “{right}” by API token, both parts over it"

    def item_2(self) -> str:
        """Two parts, each with its switch, dataset and segment; what they need is made."""
        form, problem = bound_form(self.integration, get_recipe("leadboxer_pipedrive"))
        names = ("leads_dataset", "leads_segment", "pipeline")
        datasets, segments, pipelines = (len(form.fields[name].choices) - 1 for name in names)  # type: ignore[attr-defined]
        if problem or datasets < 2 or segments < 8 or not pipelines:
            raise NotSeen(f"{datasets} datasets, {segments} segments, {pipelines} pipelines, {problem}")
        parts = {f"{part}_{name}": value for part in ("leads", "activities")
                 for name, value in (("enabled", True), ("dataset", SITE), ("segment", EVERYBODY))}  # fmt: skip
        results = self.stage.save_settings(self.integration, **parts, leads_link="organization")
        if not all(result.ok for result in results):
            raise NotSeen(str([result for result in results if not result.ok]))
        # As if it had been installed for an hour: a visit takes its time to be over.
        Integration.objects.filter(pk=self.integration.pk).update(activated_at=F("activated_at") - HOUR)
        return f"{datasets} datasets, {segments} segments, {pipelines} pipeline(s) to pick from; {len(results)} steps ✓"

    def item_3(self) -> str:
        """Organization by domain, by exact name, else created; person by address; both."""
        by_domain = self.create("organizations", name="The Domain Company", website="https://www.domain.example/")
        by_name = self.create("organizations", name="name ltd")
        self.company("Domain GmbH")
        self.company("Name Ltd", organizationDomain="elsewhere.example")
        made = self.company("Fresh GmbH")
        self.poll()
        found = [self.lead(title)["organization_id"] for title in ("Domain GmbH", "Name Ltd")]
        created = self.lead("Fresh GmbH")["organization_id"]
        if found != [by_domain, by_name] or created in found:
            raise NotSeen(f"leads linked to {found} and {created}, not to {[by_domain, by_name]} and a new one")
        self.company("Fresh GmbH", lead=made["lead"], score=88)
        self.poll()
        self.stage.save_settings(self.integration, leads_link="both")
        self.company("Both GmbH", email="rita@both.example", firstName="Rita", lastName="Levi")
        nobody = self.visit(minutes_ago=1)["lead"]
        self.poll()
        both = self.lead("Both GmbH, Rita Levi")
        if not both["organization_id"] or not both["person_id"] or self.said(nobody) != Reason.NO_EMAIL:
            raise NotSeen(f"{both}; somebody unknown: {self.said(nobody)}")
        again = self.said(made["lead"])
        return f"by domain, by name, created; seen again: {again}; Both: organization and person; unknown skipped"

    def item_4(self) -> str:
        """A visit is one activity of person, organization and open deal."""
        pipeline = self.create("pipelines", name="Inbound")
        self.create("stages", name="New", pipeline_id=pipeline)
        self.stage.save_settings(self.integration, create_deals=True, pipeline=str(pipeline))
        known = self.create("persons", name="Emmy Noether", emails=[{"value": "emmy@ring.example"}], org_id=1)
        deal = self.create("deals", title="Ring theory", person_id=known)
        self.visit("/", "/prices", "/contact", email="emmy@ring.example")
        self.visit("/", email="sofia@wave.example", firstName="Sofia", organizationName="Wave SA")
        self.poll()
        [one] = self.stage.until("the activity of Emmy", lambda: self.activities(known))
        if (one["org_id"], one["deal_id"]) != (1, deal) or one["note"].count("<li>") != 3:
            raise NotSeen(f"org, deal and note: {one['org_id'], one['deal_id'], one['note']}")
        [sofia] = [row for row in self.pipedrive("persons") if row["name"] == "Sofia"]
        [new] = [row for row in self.pipedrive("deals") if row["person_id"] == sofia["id"]]
        if new["pipeline_id"] != pipeline or not sofia["org_id"]:
            raise NotSeen(f"deal in pipeline {new['pipeline_id']}, organization {sofia['org_id']}")
        return f"“{one['subject']}” on her deal and organization; stranger: person, organization and deal in “Inbound”"

    def item_5(self) -> str:
        """On the hour, once; a missed hour is made up for."""
        self.poll()
        polls = SyncRun.objects.filter(integration=self.integration, kind="poll")
        due = mark(60, timezone.now())
        if poll_by_clock() != "0 polls" and mark(60, timezone.now()) == due:
            raise NotSeen("a second poll within the hour")
        polls.update(created_at=F("created_at") - 3 * HOUR)  # nobody worked for three hours
        self.company("Missed GmbH", minutes_ago=0)
        poll_by_clock()
        again = poll_by_clock()
        self.stage.until("the poll that makes up for it", lambda: not self._unfinished())
        self.lead("Missed GmbH")
        made = polls.filter(created_at__gte=due).count()
        if made != 2 or again != "0 polls":
            raise NotSeen(f"{made} polls after three missed hours, then {again}")
        return (
            "next mark on the full hour; no second poll within it; three missed hours: one poll per part, nothing lost"
        )

    def item_6(self) -> str:
        """Least score, limit per run, trial in a test pipeline."""
        self._score_and_limit()
        self._trial()
        return "score 59 of 60 left out; limit 2: 2 created, 1 waits; trial of 2: 2 deals in “Test”, 1 left out"

    def _score_and_limit(self) -> None:
        self.stage.save_settings(self.integration, leads_link="organization", min_score=60, cap=2)
        made = SyncLog.objects.filter(integration=self.integration, flow="lead_to_lead", action="create_lead")
        made.update(created_at=F("created_at") - HOUR)  # the leads so far were an hour ago
        for name, score in (("Low AG", 59), ("High AG", 60), ("Higher AG", 70), ("Highest AG", 80)):
            self.company(name, score=score)
        self.poll()
        waiting = SyncJob.objects.filter(
            integration=self.integration, reason=Reason.CAP_REACHED, state="waiting"
        ).count()
        titles = {row["title"] for row in self.pipedrive("leads")}
        there = len({"High AG", "Higher AG", "Highest AG"} & titles)
        if there != 2 or waiting != 1 or "Low AG" in titles:
            raise NotSeen(f"{there} created, {waiting} waiting, low: {'Low AG' in titles}")

    def _trial(self) -> None:
        test = self.create("pipelines", name="Test")
        self.create("stages", name="New", pipeline_id=test)
        self.stage.save_settings(
            self.integration, min_score=0, cap=0, trial=True, trial_count=2, trial_pipeline=str(test)
        )
        last = [self.company(f"Trial{number} KG")["lead"] for number in range(3)]
        self.poll()
        deals = [row for row in self.pipedrive("deals") if row["pipeline_id"] == test]
        left_out = [lead for lead in last if self.said(lead) == LeadBoxerReason.TRIAL_FULL]
        self.stage.save_settings(self.integration, trial=False)
        if len(deals) != 2 or len(left_out) != 1:
            raise NotSeen(f"{len(deals)} deals in the test pipeline, {len(left_out)} left out")

    def item_7(self) -> str:
        """Enrichment goes into custom fields by the mapping editor's rows, the customer's own properties too."""
        rows = FieldMapping.objects.filter(integration=self.integration, flow="lead_to_lead")
        names = {row.source: row.target for row in rows}
        rows.filter(source="organizationEmployeeCountRangeName").update(source="favourite_colour")
        self.company("Rich GmbH", organizationIndustryName="Software", favourite_colour="green",
                     organizationEmployeeCountEstimate="120")  # fmt: skip
        self.poll()
        lead = self.lead("Rich GmbH")
        seen = [
            lead["custom_fields"].get(names[key])
            for key in ("organizationIndustryName", "organizationEmployeeCountRangeName")
        ]
        self.stage.until("the organization's number of employees", lambda: self._employees(lead["organization_id"]))
        if seen != ["Software", "green"]:
            raise NotSeen(f"industry and colour: {seen}")
        return f"lead: industry {seen[0]}, own property {seen[1]}; organization made here: 120 employees"

    def _employees(self, organization_id: int) -> bool:
        rows = self.pipedrive("organizations")
        return any(row["id"] == organization_id and row["employee_count"] == 120 for row in rows)

    def item_8(self) -> str:
        """Fetch All, first dry."""
        self.company("Older GmbH", minutes_ago=60 * 24 * 3)
        before = len(self.pipedrive("leads"))
        dry = self.fetch_all("lead_to_lead", dry_run=True)
        if len(self.pipedrive("leads")) != before or not dry.counts.get("create_lead"):
            raise NotSeen(f"{len(self.pipedrive('leads')) - before} written by a dry run that counted {dry.counts}")
        real = self.fetch_all("lead_to_lead")
        self.lead("Older GmbH")
        again = self.fetch_all("lead_to_lead")
        if again.counts.get("create_lead") or real.counts.get("create_lead") != dry.counts["create_lead"]:
            raise NotSeen(f"dry {dry.counts}, real {real.counts}, again {again.counts}")
        return f"dry run: {real.counts['create_lead']} would be created, nothing written; real: as many; again: none"

    # The short form of it

    def play(self) -> None:
        """What `make demo` shows."""
        parts = {f"{part}_{name}": value for part in ("leads", "activities")
                 for name, value in (("enabled", True), ("dataset", SITE), ("segment", EVERYBODY))}  # fmt: skip
        self.stage.save_settings(self.integration, **parts, leads_link="both")
        Integration.objects.filter(pk=self.integration.pk).update(activated_at=F("activated_at") - HOUR)
        self.visit("/", "/prices", organizationName="Kiesler KG", organizationDomain="kiesler.example",
                   email="hedy@kiesler.example", firstName="Hedy", lastName="Lamarr")  # fmt: skip
        self.poll()
        self.lead("Kiesler KG, Hedy Lamarr")
        self.stage.say(
            "  Hedy Lamarr of Kiesler KG read the prices: LeadBoxer knew her, and she is a lead in Pipedrive"
        )
        person = next(row for row in self.pipedrive("persons") if row["name"] == "Hedy Lamarr")
        [activity] = self.stage.until("her activity", lambda: self.activities(person["id"]))
        self.stage.say(f"  Her visit is an activity there: {activity['subject']}")


def items(story: Story) -> Iterator[tuple[int, Callable[[], str]]]:
    """The items of the specification, in order."""
    yield from ((number, getattr(story, f"item_{number}")) for number in range(1, 9))
