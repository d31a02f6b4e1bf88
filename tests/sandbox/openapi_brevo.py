"""Checks the Brevo stand-in against the vendor's Swagger file of 2024, where it is at hand.

The file is older than the vendor sheet: where newer sources say something else, a test names the exception.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import yaml
from jsonschema import Draft4Validator

from tests.sandbox.openapi import SpecMismatch, specs_folder
from tests.support.required import missing

FILE = "brevo-v3-swagger2-2024.yaml"


def is_here() -> bool:
    """Whether the file is at hand."""
    folder = specs_folder()
    return folder is not None and (folder / FILE).is_file()


def require_spec() -> None:
    """Skip the running test, saying why, where the file is absent."""
    if not is_here():
        missing("REQUIRE_SPECS", "the vendor's OpenAPI files are not here; set VENDOR_SPECS_DIR")


@lru_cache
def load() -> dict[str, Any]:
    folder = specs_folder()
    if folder is None:
        raise FileNotFoundError("VENDOR_SPECS_DIR")
    raw: dict[str, Any] = yaml.load((folder / FILE).read_bytes(), Loader=yaml.CSafeLoader)  # noqa: S506
    return raw


def operation(method: str, path: str) -> dict[str, Any]:
    """The operation behind a path; literal templates win."""
    parts = path.split("?")[0].strip("/").split("/")
    for template in sorted(load()["paths"], key=lambda item: item.count("{")):
        wanted = template.strip("/").split("/")
        fits = len(wanted) == len(parts) and all(
            want.startswith("{") or want == got for want, got in zip(wanted, parts, strict=True)
        )
        if fits and method.lower() in load()["paths"][template]:
            found: dict[str, Any] = load()["paths"][template][method.lower()]
            return found
    raise SpecMismatch(f"{method} {path} is not in the specification")


def check_request(method: str, path: str, query: dict[str, str], body: Any = None) -> None:
    """Raise SpecMismatch unless the operation takes this query and body."""
    parameters = operation(method, path).get("parameters", [])
    known = {item["name"] for item in parameters if item.get("in") == "query"}
    known |= {item["$ref"].rpartition("/")[2] for item in parameters if "$ref" in item}
    if unknown := query.keys() - known:
        raise SpecMismatch(f"query parameter {unknown} is not documented")
    schema = next((item["schema"] for item in parameters if item.get("in") == "body"), None)
    if body is not None:
        if schema is None:
            raise SpecMismatch(f"{method} {path} takes no body")
        _validate(schema, body, f"{method} {path} body")


def check_response(method: str, path: str, status: int, body: Any) -> None:
    """Raise SpecMismatch unless the answer has a documented status and the documented shape."""
    answers = operation(method, path)["responses"]
    if str(status) not in answers:
        raise SpecMismatch(f"{method} {path} answered {status}, documented are {sorted(answers)}")
    if schema := answers[str(status)].get("schema"):
        _validate(schema, body, f"{method} {path} {status}")


def _validate(schema: dict[str, Any], value: Any, what: str) -> None:
    validator = Draft4Validator({**schema, "definitions": load()["definitions"]})
    problems = [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in validator.iter_errors(value)
    ]
    if problems:
        raise SpecMismatch(f"{what}: " + "; ".join(problems[:5]))
