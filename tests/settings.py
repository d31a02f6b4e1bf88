"""Settings of the test suite: development keys, everything else from the environment as in production."""

import os

os.environ.setdefault("LOCKSTEP_DEVELOPMENT", "1")
os.environ.setdefault("DATABASE_URL", "sqlite:///var/test.sqlite3")
os.environ["Q_CLUSTER"] = f"test-{os.getpid()}"  # a queue of its own for each test process and its workers

from config.settings import *  # noqa: F403

SECURE_SSL_REDIRECT = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AXES_ENABLED = False
MISSES_PER_MINUTE = 1_000_000  # all tests of a process come from one address
WHITENOISE_AUTOREFRESH = True  # looks for a file when it is asked for, not for all of them with each test client
INTAKE_MEMORY_SECONDS = 0.0  # what a test changes is seen at once
HEALTH_MEMORY_SECONDS = 0.0
DOORBELL_MOMENT_SECONDS = 0.0
RATE_PATIENCE_SECONDS = 0.0
LOGGING["root"]["level"] = "WARNING"  # noqa: F405

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # noqa: F405
    # A file, as in production, so that server threads and worker processes have connections of their own.
    DATABASES["default"]["TEST"] = {"NAME": str(BASE_DIR / "var" / f"test-{os.getpid()}.sqlite3")}  # noqa: F405
    pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA busy_timeout=20000;"
    DATABASES["default"]["OPTIONS"]["init_command"] = pragmas  # noqa: F405

(BASE_DIR / "var" / "static").mkdir(parents=True, exist_ok=True)  # noqa: F405

CACHES = {
    "default": {"BACKEND": "config.cache.JSONFileCache", "LOCATION": BASE_DIR / "var" / f"cache-{os.getpid()}"}  # noqa: F405
}
