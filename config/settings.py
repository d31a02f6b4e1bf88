"""Settings, all from the environment (`.env` beside manage.py is read too). Defaults are the embedded ones."""

from __future__ import annotations

import hmac
from datetime import timedelta
from pathlib import Path

import environ
from django.templatetags.static import static
from django.utils.translation import gettext_lazy as _

from config import known, private_files
from config.environment import Environment
from config.json_value import JSONValue, json_object

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()  # any NAME may stand in a file that NAME_FILE names
Environment.read_env(str(BASE_DIR / ".env"))

DEBUG = env.bool("DEBUG", default=False)
DEVELOPMENT = env.bool("LOCKSTEP_DEVELOPMENT", default=False)  # local defaults for keys; never with real accounts

SECRET_KEY = env.str("SECRET_KEY", default=known.SECRET_KEY if DEVELOPMENT else "")
LOCKSTEP_SECRET_KEYS: list[str] = env.list("LOCKSTEP_SECRET_KEYS", default=[known.FERNET_KEY] if DEVELOPMENT else [])
LOCKSTEP_HASH_KEY = env.str("LOCKSTEP_HASH_KEY", default=known.HASH_KEY if DEVELOPMENT else "")
PUBLIC_URL = env.str("PUBLIC_URL", default="http://127.0.0.1:8000")  # what vendors call and OAuth returns to
# A worker that died is noticed after this long. Longer than the slowest single call; renewed between calls.
LOCKSTEP_LEASE_SECONDS = env.float("LOCKSTEP_LEASE_SECONDS", default=120.0)
SANDBOX_URL = env.str("SANDBOX_URL", default="")  # the one non-vendor origin connections may point to
OAUTH_APPS: dict[str, dict[str, str]] = {
    vendor: {
        "client_id": env.str(f"{vendor.upper()}_CLIENT_ID", default=""),
        "client_secret": env.str(f"{vendor.upper()}_CLIENT_SECRET", default=""),
    }
    for vendor in ("pipedrive", "hubspot")
}
# Whether HubSpot has approved our app's event types; without, what happened is written as a note (connector README).
HUBSPOT_APP_EVENTS = env.bool("HUBSPOT_APP_EVENTS", default=False)
# Accept HubSpot's signatures of versions 1 and 2 too: they know no time, so an old request could be sent again.
HUBSPOT_OLD_SIGNATURES = env.bool("HUBSPOT_OLD_SIGNATURES", default=False)

ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)  # how many proxies stand before us

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_q",
    "django_otp",
    "axes",
    "csp",
    "tenants",
    "integration",
]

MIDDLEWARE = [
    "integration.webhooks.middleware.WebhookFastPath",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.no_store.NoStore",
    "config.csp.ContentSecurityPolicy",
    "config.plain_text.RefuseNul",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tenants.sessions.SessionLimits",
    "tenants.audit.Acting",
    "integration.admin.core.provider_only.ConsoleByProvider",
    "django_otp.middleware.OTPMiddleware",
    "tenants.middleware.ConsoleForStaffOnly",
    "django.contrib.messages.middleware.MessageMiddleware",
    "integration.second_factor.middleware.SecondFactor",
    "tenants.viewing.ViewAsTenant",
    "integration.admin.core.masking.MaskPersonalData",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "tenants.devices.KnownDevice",
    "axes.middleware.AxesMiddleware",
]

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "integration.oidc.backends.NoPasswordForOperators",
    "django.contrib.auth.backends.ModelBackend",
    "integration.oidc.backends.ProviderBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]  # fmt: skip
# Whether everybody at the console needs a second factor. Whoever has set one up is asked for it in any case.
REQUIRE_TWO_FACTOR = env.bool("REQUIRE_TWO_FACTOR", default=not DEVELOPMENT)
# Operators sign in with an identity provider (OpenID Connect), if one is named here; see deploy/README.md.
OIDC_ISSUER = env.str("OIDC_ISSUER", default="")
OIDC_NAME = env.str("OIDC_NAME", default="your company's account")
OIDC_CLIENT_ID = env.str("OIDC_CLIENT_ID", default="")
OIDC_CLIENT_SECRET = env.str("OIDC_CLIENT_SECRET", default="")
OIDC_SCOPES: list[str] = env.list("OIDC_SCOPES", default=["openid", "email", "profile"])
OIDC_GROUP_CLAIM = env.str("OIDC_GROUP_CLAIM", default="groups")
OIDC_ROLES: dict[str, str] = env.dict("OIDC_ROLES", default={})  # a value of that claim, and the console's role
OIDC_AMR: list[str] = env.list("OIDC_AMR", default=["mfa", "otp", "hwk"])  # each is a second factor (RFC 8176)
OIDC_ACR: list[str] = env.list("OIDC_ACR", default=[])  # asked for; each is a second factor
OIDC_PRIVATE_ADDRESS = env.bool("OIDC_PRIVATE_ADDRESS", default=False)  # the provider is inside the own network
OIDC_BREAK_GLASS_USER = env.str("OIDC_BREAK_GLASS_USER", default="")  # the one account a password still opens
AXES_ENABLE_ADMIN = False
AXES_HANDLER = "tenants.lock_out.LockOut"  # who is counted how, and when it is enough: tenants/guessing.py
AXES_CLIENT_IP_CALLABLE = "tenants.address.client_address"
AXES_LOCKOUT_CALLABLE = "tenants.locked.locked"

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "integration" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]


SQLITE: dict[str, JSONValue] = {
    "timeout": 20,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=20000;",
}
# A vendor waits ten seconds for our answer: be told of a lock or a dead host before that.
POSTGRESQL: dict[str, JSONValue] = {
    "connect_timeout": 3,  # seconds
    "tcp_user_timeout": 3000,  # milliseconds, for connections that are open: nothing was refused, nothing answers
    "options": "-c lock_timeout=8s -c idle_in_transaction_session_timeout=60s",
}


def _database() -> dict[str, JSONValue]:
    """SQLite in var/ unless DATABASE_URL says otherwise; the options are the measured ones (docs/decisions)."""
    url = env.str("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'var' / 'lockstep.sqlite3'}")
    database: dict[str, JSONValue] = environ.Env.db_url_config(url)
    database.update(CONN_MAX_AGE=None, CONN_HEALTH_CHECKS=True)
    given = json_object(database.get("OPTIONS"))
    database["OPTIONS"] = {**given, **(SQLITE if str(database["ENGINE"]).endswith("sqlite3") else POSTGRESQL)}
    return database


DATABASES = {"default": _database()}
# Every process of ours passes here before it writes anything.
_sqlite = str(DATABASES["default"]["ENGINE"]).endswith("sqlite3")
SQLITE_FILE = BASE_DIR / str(DATABASES["default"]["NAME"]) if _sqlite else None
private_files.keep_private(BASE_DIR / "var", SQLITE_FILE)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# What the names of this installation begin with, in Redis and in the cache's folder: two on one Redis share nothing.
# Those with the same keys, such as a copy for trials, are told apart by Q_CLUSTER.
INSTALLATION = "-".join(
    (
        env.str("Q_CLUSTER", default="lockstep"),
        hmac.new(SECRET_KEY.encode(), b"installation", "sha256").hexdigest()[:12],
    )
)

# The queue is a doorbell: our rows retry, the broker never does. retry > timeout * (queue_limit / workers + 1).
REDIS_URL = env.str("REDIS_URL", default="")
Q_WORKERS = env.int("Q_WORKERS", default=2)
Q_CLUSTER: dict[str, JSONValue] = {
    "name": INSTALLATION,
    "workers": Q_WORKERS,
    "timeout": 240,
    "retry": int(240 * (4 / Q_WORKERS + 1)) + 60,
    "max_attempts": 1,
    "queue_limit": 4,
    "bulk": 1,
    "poll": 0.2,
    "save_limit": -1,
    "catch_up": False,
    "ack_failures": True,
    "max_rss": 300_000,
    "label": "Queue",
    **({"redis": REDIS_URL} if REDIS_URL else {"orm": "default"}),
}

# What processes tell each other for seconds: which workers live, charts of the front page. Losing it loses nothing.
CACHES = {
    "default": {
        "KEY_PREFIX": INSTALLATION,
        **(
            {
                "BACKEND": "django.core.cache.backends.redis.RedisCache",
                "LOCATION": REDIS_URL,
                "OPTIONS": {"serializer": "config.cache.JSONSerializer"},
            }
            if REDIS_URL
            else {"BACKEND": "config.cache.JSONFileCache", "LOCATION": BASE_DIR / "var" / "cache"}
        ),
    }
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]  # one more needs its catalogue in locale/, and LocaleMiddleware
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "var" / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
if DEBUG or DEVELOPMENT:
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    WHITENOISE_USE_FINDERS = True

DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024  # bytes; a webhook body larger than this is refused before parsing

SECURE_SSL = env.bool("SECURE_SSL", default=PUBLIC_URL.startswith("https://"))
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_SSL_REDIRECT = SECURE_SSL
SECURE_REDIRECT_EXEMPT = [r"^(healthz|livez|readyz|metrics)$"]
SECURE_HSTS_SECONDS = 31536000 if SECURE_SSL else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_SSL
SECURE_HSTS_PRELOAD = SECURE_SSL
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL
SESSION_COOKIE_HTTPONLY = True
SESSION_ENGINE = "tenants.session_store"
# How long somebody stays signed in: without use, and at all. Held by the rows (tenants/sessions.py), not by the cookie.
SESSION_IDLE = {
    "console": timedelta(minutes=env.float("SESSION_CONSOLE_IDLE_MINUTES", default=30)),
    "portal": timedelta(days=env.float("SESSION_PORTAL_IDLE_DAYS", default=7)),
}
SESSION_LONGEST = {
    "console": timedelta(hours=env.float("SESSION_CONSOLE_HOURS", default=12)),
    "portal": timedelta(days=env.float("SESSION_PORTAL_DAYS", default=30)),
}
SESSION_COOKIE_AGE = int(max(SESSION_LONGEST.values()).total_seconds())
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"

# Nothing is loaded from another host, and nothing is run that a page brings along.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
        "base-uri": ["'self'"],
    }
}
# The console's theme: Alpine.js evaluates what stands in attributes, and colours and widths are styles in the page. A
# nonce would not do: it cannot cover styles in attributes, and makes browsers ignore unsafe-inline.
CONSOLE_CSP = {"script-src": ["'unsafe-eval'"], "style-src": ["'unsafe-inline'"]}

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"()": "config.logs.formatter"}},
    "filters": {"hook_tokens": {"()": "integration.redact.HookTokenFilter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain", "filters": ["hook_tokens"]}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {"django_q": {"level": env.str("Q_LOG_LEVEL", default="WARNING")}},
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
}

# Retention, in days. What is older is purged every hour.
RETENTION_DAYS = {
    "events": env.int("RETENTION_EVENTS_DAYS", default=30),
    "calls": env.int("RETENTION_CALLS_DAYS", default=14),
    "log": env.int("RETENTION_LOG_DAYS", default=180),
    "audit": env.int("RETENTION_AUDIT_DAYS", default=1095),  # the database refuses less than a year
}

# Alerts: by mail (empty EMAIL_URL: none is sent), and to one address of the operators' own, signed.
EMAIL_URL = env.str("EMAIL_URL", default="")
EMAIL_CONFIG: dict[str, JSONValue] = environ.Env.email_url_config(EMAIL_URL or "dummymail://")
vars().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = 10  # seconds; a mail server that hangs must not keep a worker
DEFAULT_FROM_EMAIL = env.str("ALERT_FROM", default="Lockstep <lockstep@localhost>")
ALERT_EMAILS: list[str] = env.list("ALERT_EMAILS", default=[])
ALERT_WEBHOOK_URL = env.str("ALERT_WEBHOOK_URL", default="")
ALERT_WEBHOOK_SECRET = env.str("ALERT_WEBHOOK_SECRET", default="")
# When an alert opens: seconds a change may wait, share of failed records of the last hour and the least number of them,
# seconds without a worker, hours without an event that usually bring some.
ALERT_WAITING_SECONDS = env.int("ALERT_WAITING_SECONDS", default=900)
ALERT_FAILURE_PERCENT = env.int("ALERT_FAILURE_PERCENT", default=20)
ALERT_FAILURE_MINIMUM = env.int("ALERT_FAILURE_MINIMUM", default=20)
ALERT_WORKER_SECONDS = env.int("ALERT_WORKER_SECONDS", default=300)
ALERT_OPT_IN_MINIMUM = env.int("ALERT_OPT_IN_MINIMUM", default=20)
ALERT_SUNSET_DAYS = env.int("ALERT_SUNSET_DAYS", default=180)
ALERT_SILENT_HOURS = env.int("ALERT_SILENT_HOURS", default=5)
# Brakes: so many records, or this share of the linked ones, may be taken away within so many seconds; and so many
# opt-in mails may go out per tenant and day. What is beyond waits for a person.
BRAKE_FLOOR = env.int("BRAKE_FLOOR", default=10)
BRAKE_SHARE = env.float("BRAKE_SHARE", default=0.05)
BRAKE_WINDOW_SECONDS = env.int("BRAKE_WINDOW_SECONDS", default=600)
BRAKE_OPT_IN_MAILS_PER_DAY = env.int("BRAKE_OPT_IN_MAILS_PER_DAY", default=1000)
WORKER_SILENT_SECONDS = env.int("WORKER_SILENT_SECONDS", default=15)  # every page then says that no worker is alive
INTAKE_MEMORY_SECONDS = 1.0  # how long a web process believes what it read of an endpoint
HEALTH_MEMORY_SECONDS = 10.0  # how long it believes the state of all integrations that /healthz tells
DOORBELL_MOMENT_SECONDS = 0.03  # at most one ring per process within it
RATE_PATIENCE_SECONDS = 10.0  # how long a worker waits for vendors' limits in one slice of work before it gives way
# Events one tenant may send a web process per minute before they give way to those of others.
INTAKE_EVENTS_PER_MINUTE = env.int("INTAKE_EVENTS_PER_MINUTE", default=3000)
# Unknown addresses and wrong proofs that one client may send a web process per minute before it is told to slow down.
MISSES_PER_MINUTE = 60
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")  # what Prometheus proves itself with; empty: there is no /metrics

UNFOLD = {
    "SITE_TITLE": "Lockstep",
    "SITE_HEADER": "Lockstep",
    "SITE_SUBHEADER": _("CRM and marketing in sync"),
    "SITE_SYMBOL": "sync_alt",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "integration.admin.pages.dashboard.front",
    "SIDEBAR": {"navigation": "integration.admin.pages.sidebar.navigation"},
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("lockstep/favicon.svg")}],
    "STYLES": [lambda request: static("lockstep/console.css")],
    "SCRIPTS": [lambda request: static("lockstep/console.js")],
    "COLORS": {  # one calm accent: blue
        "primary": {
            "50": "#eff6ff", "100": "#dbeafe", "200": "#bfdbfe", "300": "#93c5fd", "400": "#60a5fa", "500": "#3b82f6",
            "600": "#2563eb", "700": "#1d4ed8", "800": "#1e40af", "900": "#1e3a8a", "950": "#172554",
        }
    },
}  # fmt: skip
