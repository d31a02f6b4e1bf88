"""Keys and passwords that stand in the code and its documents, so that everybody knows them: for development only."""

from __future__ import annotations

SECRET_KEY = "development-only-secret-key-not-for-production-use"  # noqa: S105
FERNET_KEY = "ZGV2ZWxvcG1lbnQtb25seS1sb2Nrc3RlcC1rZXktMDE="
HASH_KEY = "development-only-hash-key"
FORMER_HASH_KEYS = ("check-only",)
APP_SECRETS = ("sandbox-client-secret-0001", "sandbox-client-secret-hubspot-0001")
PASSWORDS = ("password", "change-me")
