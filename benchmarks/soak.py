"""`make soak MINUTES=30`: five recipes at work, a random fault every few seconds, memory and lag plotted at the end.

Fails when something is lost or wrong, when the lag still grows at the end, or when a process keeps growing.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import requests

from benchmarks.stage import Stage, at_rest, stage

FAULT_EVERY, SAMPLE_EVERY = 6.0, 2.0  # seconds
BARS = " ▁▂▃▄▅▆▇█"
WIDTH = 72
GROWTH = 60.0  # MB a process may have grown from the first third of the time to the last
SETTLE = 240.0  # seconds everything has to come to rest afterwards


def main() -> int:
    """Run, judge, print."""
    parser = argparse.ArgumentParser(prog="benchmarks.soak", description="Faults for a while; nothing may be lost.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stack", choices=("embedded", "postgres"), default="postgres")
    asked = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.update(
        LOG_LEVEL="ERROR", HUBSPOT_CLIENT_ID="a1b2c3d4-lockstep-sandbox", LOCKSTEP_LEASE_SECONDS="6",
        HUBSPOT_CLIENT_SECRET="sandbox-client-secret-hubspot-0001",  # noqa: S106 (the sandbox's)
    )  # fmt: skip
    with stage("soak", asked.stack) as hub:
        return Soak(hub, random.Random(asked.seed)).run(asked.minutes * 60)  # noqa: S311 (faults, not secrets)


@dataclass
class Soak:
    """The people and vendors at work, the faults, and what was measured."""

    hub: Stage
    dice: random.Random
    people: dict[str, str] = field(default_factory=dict)  # person id at Pipedrive → name
    faults: dict[str, int] = field(default_factory=dict)
    lag: list[float] = field(default_factory=list)
    memory: dict[str, list[float]] = field(default_factory=dict)
    acts: int = 0

    def run(self, seconds: float) -> int:
        """Work and fail for so long, then mend everything and look what is left."""
        self._install()
        end, fault, sample = time.monotonic() + seconds, time.monotonic() + FAULT_EVERY, time.monotonic()
        while (now := time.monotonic()) < end:
            self._act()
            if now >= fault:
                self._fail()
                fault = now + self.dice.uniform(0.5, 1.5) * FAULT_EVERY
            if now >= sample:
                self._sample()
                sample = now + SAMPLE_EVERY
            time.sleep(self.dice.uniform(0.02, 0.3))
        problems = self._mend() + self._judge()
        self._plot()
        for line in problems or ["nothing lost, nothing wrong, no leak, no lag that grows"]:
            print(line)  # noqa: T201
        return 1 if problems else 0

    def _install(self) -> None:
        from tests.support import hub as support

        self.hub.start_web()
        self.hub.start_worker()
        url = self.hub.sandbox_url
        self.newsletter = support.install(url)
        support.install_hubspot(self.hub)  # type: ignore[arg-type]  # a thread or a process: both have url and control
        for install in (support.install_brevo, support.install_planhat, support.install_leadboxer):
            install(url)

    # What people do

    def _act(self) -> None:
        acts = (self._join, self._join, self._rename, self._rename, self._win, self._click, self._leave)
        self.dice.choice(acts)()
        self.acts += 1

    def _join(self) -> None:
        number = self.acts
        resources = self.newsletter.resources
        body: dict[str, Any] = {
            "name": f"Person {number}", "emails": [{"value": f"soak{number}@example.com", "primary": True}],
            "custom_fields": {resources["newsletter"]: int(resources["newsletter_yes"])}, "org_id": 1,
        }  # fmt: skip
        made = self.hub.control("POST", "/pipedrive/acme/persons", body)["data"]
        self.people[str(made["id"])] = body["name"]

    def _rename(self) -> None:
        if self.people:
            key = self.dice.choice(list(self.people))
            self.people[key] = f"Renamed {self.acts}"
            self.hub.control("PATCH", f"/pipedrive/acme/persons/{key}", {"name": self.people[key]})

    def _win(self) -> None:
        if self.people:
            wish = {"title": f"Deal {self.acts}", "person_id": int(self.dice.choice(list(self.people))), "org_id": 1}
            deal = self.hub.control("POST", "/pipedrive/acme/deals", {**wish, "value": 100, "currency": "EUR"})["data"]
            self.hub.control("PATCH", f"/pipedrive/acme/deals/{deal['id']}", {"status": "won"})

    def _click(self) -> None:
        mails = self.hub.control("GET", "/maileon/501/doi-mails")
        if mails:
            with suppress(requests.HTTPError):  # clicked before, or gone meanwhile
                self.hub.control("POST", "/maileon/501/click-doi", {"email": self.dice.choice(mails)["email"]})

    def _leave(self) -> None:
        rows = self.hub.control("GET", "/maileon/501/contacts")["contacts"]
        there = [row["email"] for row in rows if row.get("email") and row["unsubscribed_at"] is None]
        if len(there) > 10:
            with suppress(requests.HTTPError):
                self.hub.control("POST", "/maileon/501/unsubscribe", {"email": self.dice.choice(there)})

    # What goes wrong

    def _fail(self) -> None:
        kinds: dict[str, Callable[[], Any]] = {
            "worker killed": self._restart_worker,
            "web killed": self._restart_web,
            "vendor answers 503": lambda: self._misbehave({"error_rate": 0.3, "error_status": 503}),
            "vendor answers 429": lambda: self._next({"status": 429, "times": 3, "retry_after": 2}),
            "answers lost": lambda: self._next({"status": 500, "times": 2, "after": True}),
            "vendor slow": lambda: self._misbehave({"latency_ms": 150}),
            "webhooks lost": lambda: self._misbehave({"webhooks": {"drop_rate": 0.2}}),
            "webhooks doubled": lambda: self._misbehave({"webhooks": {"duplicate_rate": 0.3}}),
            "all well": lambda: self.hub.control("DELETE", "/misbehave"),
        }  # fmt: skip
        kind = self.dice.choice([*kinds, "all well"])
        kinds[kind]()
        self.faults[kind] = self.faults.get(kind, 0) + 1

    def _misbehave(self, how: dict[str, Any]) -> None:
        vendor = self.dice.choice(("pipedrive", "hubspot", "maileon", "brevo", "planhat", "leadboxer"))
        self.hub.control("POST", "/misbehave", {"vendor": vendor, **how})

    def _next(self, failure: dict[str, Any]) -> None:
        self._misbehave({"fail_next": [failure]})

    def _restart_worker(self) -> None:
        self.hub.processes.kill("worker")
        self.hub.start_worker()

    def _restart_web(self) -> None:
        self.hub.processes.kill("web")
        self.hub.start_web()

    # What is left of it

    def _mend(self) -> list[str]:
        from integration import tasks
        from integration.engine.dispatch import sweeper
        from integration.models import Connection, Integration, SyncJob, SyncRun

        self.hub.control("DELETE", "/misbehave")
        Connection.objects.update(not_before=None)
        SyncJob.objects.filter(state="waiting").update(next_attempt_at="2020-01-01T00:00:00Z")
        for integration in Integration.objects.filter(state="active"):
            tasks.start_runs(integration, "poll")
        deadline = time.monotonic() + SETTLE
        while not at_rest() or SyncRun.objects.filter(state__in=("waiting", "running")).exists():
            if time.monotonic() > deadline:
                waiting = SyncJob.objects.filter(state__in=("waiting", "running")).values_list("flow", "reason")[:5]
                return [f"NOT at rest after {SETTLE:.0f} seconds: {list(waiting)}"]
            sweeper.sweep()
            time.sleep(1)
        return []

    def _judge(self) -> list[str]:
        from django.db.models import Count

        from integration.models import SyncJob

        problems = []
        dead = (
            SyncJob.objects.filter(state__in=("dead", "held")).values("flow", "state", "reason").annotate(n=Count("id"))
        )
        problems += [f"NOT done: {row['n']} {row['state']} jobs of {row['flow']}: {row['reason']}" for row in dead]
        rows = self.hub.control("GET", "/maileon/501/contacts")["contacts"]
        names = {row["external_id"]: row["standard"].get("FULLNAME") for row in rows if row["unsubscribed_at"] is None}
        account = self.newsletter.left.external_account_id
        wrong = [key for key, name in self.people.items() if names.get(f"{account}-{key}", name) != name]
        if wrong:
            problems.append(f"WRONG: {len(wrong)} contacts do not have the name Pipedrive has, for example {wrong[:3]}")
        mails = [row["email"] for row in self.hub.control("GET", "/maileon/501/doi-mails")]
        if len(mails) != len(set(mails)):
            problems.append(f"DOUBLED: {len(mails) - len(set(mails))} opt-in mails went out twice")
        for name, values in self.memory.items():
            third = max(len(values) // 3, 1)
            if len(values) > 9 and min(values[-third:]) - max(values[:third]) > GROWTH:
                problems.append(f"LEAK: {name} grew from {max(values[:third]):.0f} to {min(values[-third:]):.0f} MB")
        return problems

    def _sample(self) -> None:
        from integration.engine.dispatch import sweeper

        sweeper.sweep()
        self.lag.append(sweeper.oldest_waiting_seconds())
        for name, child in self.hub.processes.children.items():
            self.memory.setdefault(name, []).append(_group_memory(child.pid))

    def _plot(self) -> None:
        done = ", ".join(f"{count} × {kind}" for kind, count in sorted(self.faults.items()))
        print(f"{self.acts} acts of people, {sum(self.faults.values())} faults: {done}")  # noqa: T201
        for name, values, unit in (("lag", self.lag, "s"), *((n, v, "MB") for n, v in self.memory.items())):
            if values:
                print(f"{name:10} {_bars(values)}  up to {max(values):,.0f} {unit}")  # noqa: T201


def _bars(values: list[float]) -> str:
    step = max(len(values) / WIDTH, 1)
    parts = [max(values[int(n * step) : int((n + 1) * step)] or [0.0]) for n in range(min(WIDTH, len(values)))]
    top = max(parts) or 1.0
    return "".join(BARS[round(part / top * (len(BARS) - 1))] for part in parts)


def _group_memory(leader: int) -> float:
    """Resident MB of a process and all it started."""
    total = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.getpgid(int(pid)) == leader:
                with open(f"/proc/{pid}/statm") as status:
                    total += int(status.read().split()[1])
        except (ProcessLookupError, FileNotFoundError):
            continue
    return total * os.sysconf("SC_PAGE_SIZE") / 1_048_576


if __name__ == "__main__":
    sys.exit(main())
