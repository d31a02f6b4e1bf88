"""When to try again: every retry policy of the hub, and the one function that computes the next delay.

It stands in the foundation because connectors, the HTTP layer, the engine and the recipes all ask it. How long a
debounce, a poll or a lease lasts is not decided here. All times are seconds.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

MINUTE, HOUR = 60.0, 3600.0
ENDLESS = 1_000_000_000  # tries; something else than their number ends them
MAX_RETRY_AFTER = 24 * HOUR  # no vendor may park a connection for longer than its daily window


@dataclass(frozen=True)
class RetryPolicy:
    """How one thing is tried again.

    The first delay is `base`; each further one is twice as long, up to `cap`. `jitter` is the range of a random
    factor that spreads load. `attempts` counts all tries, the first one included. After the first `free` failures
    there is no delay yet.
    """

    base: float
    cap: float
    jitter: tuple[float, float] = (1.0, 1.0)
    attempts: int = ENDLESS
    free: int = 0

    def used_up(self, attempts: int) -> bool:
        """Whether the try that has just failed was the last one."""
        return attempts >= self.attempts


def every(seconds: float, *, jitter: tuple[float, float] = (1.0, 1.0), attempts: int = ENDLESS) -> RetryPolicy:
    """Build a policy whose delay does not grow."""
    return RetryPolicy(seconds, seconds, jitter, attempts)


def next_delay(policy: RetryPolicy, attempt: int = 1, *, asked: float | None = None, age: float | None = None) -> float:
    """Compute the seconds until the next try, after `attempt` tries were made.

    What a vendor asked for wins over the policy. With `age`, the seconds since the thing began to wait, the delay is
    half of it, between `base` and `cap`: for what waits without using up a try.
    """
    if asked is not None:
        return asked
    if age is not None:
        return min(max(age / 2, policy.base), policy.cap)
    if attempt <= policy.free:
        return 0.0
    doublings = min(max(attempt - policy.free - 1, 0), 64)  # far beyond every cap; larger powers overflow
    factor = random.uniform(*policy.jitter)  # noqa: S311 - spreads load, hides nothing
    return min(policy.base * 2.0**doublings, policy.cap) * factor


# Jobs, runs and wake-ups.
JOB = RetryPolicy(15.0, 4 * HOUR, jitter=(0.8, 1.2), attempts=16)  # about a day in all
CRASHED_JOB = every(0.0, attempts=4)  # a job that was in a worker's hands this often when it died is set aside
LEFT_BY_RUN = every(0.0)  # a record that a run could not finish becomes a job of its own, due at once
RUN_PAGE = RetryPolicy(30.0, HOUR, attempts=12)  # in a row, for one page
LOST_WAKEUP = every(30.0)  # a wake-up message that nobody answered for so long is lost
BROKER = every(5.0)  # for so long a queue broker that failed is left alone

# Connections.
CONNECTION = RetryPolicy(30.0, 15 * MINUTE, free=4)  # the circuit breaker: failures in a row
TOKEN_RACE = every(3.0)  # another worker renews the access token
REFUSED_TOKEN = every(2 * MINUTE)  # a token younger than this was refused for another reason than its age
SETUP_STEP = every(2.5, attempts=9)  # waits for budgets per second, never longer than this; else the step fails
SIGN_IN_RACE = every(0.0, attempts=3)  # two people make the same tenant at the same moment

# One HTTP call: safe methods only. An answer that stopped half way is asked for once more.
HTTP_CONNECT = RetryPolicy(0.1, 120.0, attempts=3)
HTTP_READ = RetryPolicy(0.1, 120.0, attempts=2)

# A vendor says that a limit is reached and does not say for how long.
SEARCH_LIMIT = every(1.0, jitter=(1.0, 2.0))  # a window of one second
BURST_LIMIT = every(2.0, jitter=(1.0, 1.5))  # a rolling window of two seconds
MINUTE_LIMIT = every(MINUTE)
DAY_LIMIT = every(HOUR)  # the reset is at midnight of an unknown zone: ask once an hour
BLOCKED_CLIENT = every(5 * MINUTE)  # the guard in front of an API lets a blocked client in again after minutes

# Alerts: mail and webhook. A notice is given up by its age, not by the number of tries.
NOTICE = RetryPolicy(MINUTE, HOUR)
NOTICE_LIFETIME = 24 * HOUR

# Records that wait for another record, or for what a vendor does later.
PERSON_QUEUED = RetryPolicy(
    5.0, MINUTE
)  # by age: each look costs two lists, so the longer it waits, the rarer it looks
PERSON_ANNOUNCED = every(5.0, attempts=7)  # after that the person's own event was lost; the poll will bring it
PERSON_GONE = every(5.0, attempts=5)  # their deletion or merge is on its way; after that its event was lost
CONTACT_QUEUED = every(10.0)
TARGET_SETTLING = RetryPolicy(JOB.base, JOB.cap, JOB.jitter, attempts=5)  # minutes; the vendor needs seconds to forget
IMPORT_RUNNING = RetryPolicy(15.0, 5 * MINUTE)  # each look is one of a hundred calls per hour
FAILED_IMPORT = every(0.0, attempts=2)  # in a row, for one record; after that it is written alone
LATE_IMPORT = every(HOUR)  # one that was given up, and may still be carried out
FILE_IMPORT = every(MINUTE, attempts=3)  # after that a record the file did not make is made alone
