"""Wrong guesses and when they are enough: of passwords, of codes of the second factor, of invitations.

Counted for a quarter of an hour from the first one, in rows all processes share; names and addresses are kept as keyed
hashes. A stranger locks out nobody but those at the stranger's own address and network: a name alone is never locked.
Once a name has seen many misses, each place has fewer tries for it.
Who comes with a device that has signed in before is counted by that device alone. See docs/decisions/0021.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from tenants import devices
from tenants.address import client_address, network, place
from tenants.models import Misses

WINDOW = timedelta(minutes=15)


@dataclass(frozen=True)
class Door:
    """What is guessed there, and how many misses lock what."""

    key: str
    name_here: int = 8  # one name from one place, or from one known device
    name_here_crowded: int = 3  # the same once the name is crowded
    crowded: int = 30  # misses for one name from unknown devices, wherever they are
    address: int = 40  # an office behind one address mistypes, too
    network: int = 120


PASSWORD = Door("password")
CODE = Door("code", name_here=5, name_here_crowded=2)
INVITATION = Door("invitation")


@dataclass(frozen=True)
class Trial:
    """Somebody at a door. `name` is what they want to be, `device` a known one of that person's."""

    door: Door
    place: str
    network: str
    name: str = ""
    device: str = ""

    @classmethod
    def of(cls, door: Door, request: HttpRequest, name: str = "", proven: str = devices.PASSWORD) -> Trial:
        """The trial of a request. `proven` is what a device must have shown before to count as known here."""
        address = client_address(request)
        name = name.strip().casefold()
        return cls(door, place(address), network(address), name, devices.known(request, name, proven) if name else "")

    @property
    def keys(self) -> dict[str, str]:
        """Under which keys a miss is counted, by kind."""
        if self.device:
            return {"device": self._key("device", self.name, self.device)}
        found = {"address": self._key("address", self.place), "network": self._key("network", self.network)}
        if self.name:
            found |= {"name": self._key("name", self.name), "here": self._key("here", self.name, self.place)}
        return found

    def _key(self, *parts: str) -> str:
        text = "\n".join((self.door.key, *parts))
        return salted_hmac("tenants.guessing", text, algorithm="sha256").hexdigest()[:40]


def begin(trial: Trial) -> datetime | None:
    """Count a try before it is made. Return None when it may be made, else from when on (it is not counted then).

    Of many tries at the same moment no more pass than the door allows: each is counted first and sees its own number.
    """
    with transaction.atomic():
        until = locked_until(trial)
        if until is not None:
            return until
        _count(trial)
        until = _full(trial, _rows(trial), own=1)
        if until is not None:
            _take_back(trial.keys.values())
    return until


def locked_until(trial: Trial) -> datetime | None:
    """When this trial may be made again; None: now."""
    return _full(trial, _rows(trial))


def forgive(trial: Trial) -> None:
    """Take back a try that was right, and forget the misses of this person at this place or device only."""
    own = {key for kind, key in trial.keys.items() if kind in ("device", "here")}
    with transaction.atomic():
        _take_back(set(trial.keys.values()) - own)
        Misses.objects.filter(key__in=own).delete()


def outdated() -> QuerySet[Misses]:
    """Counts that count no longer."""
    return Misses.objects.filter(began_at__lt=timezone.now() - WINDOW)


def _count(trial: Trial) -> None:
    """Add one to each count, in one order, so that two at once wait for each other and none is lost."""
    now, keys = timezone.now(), sorted(trial.keys.values())
    Misses.objects.bulk_create([Misses(key=key, began_at=now) for key in keys], ignore_conflicts=True)
    for key in keys:
        row = Misses.objects.filter(key=key)
        row.filter(began_at__lte=now - WINDOW).update(count=0, began_at=now)
        row.update(count=F("count") + 1)


def _take_back(keys: Iterable[str]) -> None:
    for key in sorted(keys):
        Misses.objects.filter(key=key, count__gt=0).update(count=F("count") - 1)


def _full(trial: Trial, rows: dict[str, Misses], own: int = 0) -> datetime | None:
    """When the counts that are full begin anew; None where none is. `own` tries of this trial are among them."""
    here = trial.door.name_here_crowded if _is_crowded(trial, rows, own) else trial.door.name_here
    limits = {
        "device": trial.door.name_here,
        "here": here,
        "address": trial.door.address,
        "network": trial.door.network,
    }
    full = [row for kind, row in rows.items() if kind in limits and row.count - own >= limits[kind]]
    return max((row.began_at + WINDOW for row in full), default=None)


def _rows(trial: Trial) -> dict[str, Misses]:
    kinds = {key: kind for kind, key in trial.keys.items()}
    rows = Misses.objects.filter(key__in=kinds, began_at__gt=timezone.now() - WINDOW)
    return {kinds[row.key]: row for row in rows}


def _is_crowded(trial: Trial, rows: dict[str, Misses], own: int = 0) -> bool:
    return "name" in rows and rows["name"].count - own >= trial.door.crowded
