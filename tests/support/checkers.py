"""The helpers that assert for a test. A test may leave its assertions to one of these, and to no other.

`tests/test_tests_can_fail.py` verifies that each of them is there and asserts something itself.
"""

from __future__ import annotations

# File → functions in it.
CHECKERS: dict[str, tuple[str, ...]] = {
    "tests/chaos/test_hosts.py": ("the_first_works_alone",),
    "tests/integration/engine/test_order.py": ("check",),
    "tests/integration/portal/test_signin.py": ("refused",),
    "tests/integration/recipes/test_consent.py": ("play",),
    "tests/sandbox/openapi.py": ("check_request", "check_response"),
    "tests/sandbox/openapi_brevo.py": ("check_request", "check_response"),
    "tests/sandbox/test_maileon_contacts.py": ("message",),
    "tests/sandbox/test_maileon_events.py": ("settle",),
    "tests/sandbox/test_pipedrive_records.py": ("refusal",),
    "tests/sandbox/test_pipedrive_webhooks.py": ("settle",),
    "tests/support/client_cases.py": ("check", "check_wrong_shape"),
    "tests/support/object_conformance.py": ("play",),
    "tests/support/webhook_cases.py": ("check_proof", "survives"),
}

# Fixtures of pytest-django that count queries: each is an assertion as a context manager.
COUNTING_FIXTURES = frozenset({"django_assert_num_queries", "django_assert_max_num_queries"})
