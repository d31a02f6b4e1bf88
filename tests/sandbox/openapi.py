"""Checks requests and answers against Pipedrive's official OpenAPI files, where they are at hand.

The files are found through VENDOR_SPECS_DIR (default `../shared/specs` beside the repository) and are no part of it.
The spec seldom marks what may be null although live answers carry nulls, so null passes everywhere.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from tests.support.required import missing

FILES = {"v1": "pipedrive-v1.yaml", "v2": "pipedrive-v2.yaml"}
COMBINERS = ("allOf", "anyOf", "oneOf")
REPOSITORY = Path(__file__).resolve().parents[2]


class SpecMismatch(AssertionError):
    """What was sent or answered is not what the vendor's specification says."""


def specs_folder() -> Path | None:
    folder = Path(os.environ.get("VENDOR_SPECS_DIR") or REPOSITORY.parent / "shared" / "specs")
    return folder if all((folder / name).is_file() for name in FILES.values()) else None


def is_here() -> bool:
    """Whether the files are at hand."""
    return specs_folder() is not None


def require_specs() -> None:
    """Skip the running test, saying why, where the files are absent."""
    if specs_folder() is None:
        missing("REQUIRE_SPECS", "the vendor's OpenAPI files are not here; set VENDOR_SPECS_DIR")


def check_request(method: str, path: str, query: dict[str, Any] | None = None, body: Any = None) -> None:
    """Raise SpecMismatch unless the operation exists and takes this query and body. `path` starts at the host."""
    version, _, operation = find_operation(method, path)
    _check_query(operation, query or {})
    content = operation.get("requestBody", {}).get("content", {})
    if body is None:
        return
    if "application/json" not in content:
        raise SpecMismatch(f"{method} {path} takes no JSON body")
    schema = _closed(version, content["application/json"]["schema"])
    _validate(version, schema, body, f"{method} {path} body")


def check_response(method: str, path: str, status: int, body: Any) -> None:
    """Raise SpecMismatch unless the answer has a documented status and the documented shape."""
    version, _, operation = find_operation(method, path)
    answers = operation["responses"]
    if str(status) not in answers:
        raise SpecMismatch(f"{method} {path} answered {status}, documented are {sorted(answers)}")
    content = answers[str(status)].get("content", {})
    if "application/json" in content:
        _validate(version, content["application/json"]["schema"], body, f"{method} {path} {status}")


def find_operation(method: str, path: str) -> tuple[str, str, dict[str, Any]]:
    """Return version, path template and operation; literal templates win over those with parameters."""
    version, rest = split_version(path)
    templates = sorted(load(version)["paths"], key=lambda item: item.count("{"))
    for template in templates:
        operation = load(version)["paths"][template].get(method.lower())
        if operation is not None and _fits(template, rest):
            return version, template, operation
    raise SpecMismatch(f"{method} {path} is not in the {version} specification")


def split_version(path: str) -> tuple[str, str]:
    for prefix, version in (("/api/v2/", "v2"), ("/api/v1/", "v1"), ("/v1/", "v1")):
        if path.startswith(prefix):
            return version, "/" + path.removeprefix(prefix).split("?")[0].strip("/")
    raise SpecMismatch(f"{path} carries no API version")


def _fits(template: str, path: str) -> bool:
    expected, actual = template.strip("/").split("/"), path.strip("/").split("/")
    pairs = zip(expected, actual, strict=False)
    return len(expected) == len(actual) and all(want.startswith("{") or want == got for want, got in pairs)


@lru_cache
def load(version: str) -> dict[str, Any]:
    folder = specs_folder()
    if folder is None:
        raise FileNotFoundError("VENDOR_SPECS_DIR")
    raw = yaml.load((folder / FILES[version]).read_bytes(), Loader=yaml.CSafeLoader)  # noqa: S506 - the safe one, in C
    return {"paths": raw["paths"], "components": _converted(raw["components"])}


def _converted(node: Any) -> Any:
    """Turn OpenAPI 3.0 schemas into JSON Schema: every typed one may be null."""
    if isinstance(node, list):
        return [_converted(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _converted(value) for key, value in node.items() if key not in ("example", "nullable")}
    kind = made.get("type")
    if isinstance(kind, str):
        made["type"] = [kind, "null"]
        if isinstance(made.get("enum"), list) and None not in made["enum"]:
            made["enum"] = [*made["enum"], None]
    return made


@lru_cache(maxsize=512)
def _validator(version: str, key: int) -> Draft202012Validator:
    return Draft202012Validator(_converted(_SCHEMAS[key]) | {"components": load(version)["components"]})


_SCHEMAS: dict[int, Any] = {}


def _validate(version: str, schema: dict[str, Any], value: Any, what: str) -> None:
    _SCHEMAS[id(schema)] = schema
    problems = sorted(_validator(version, id(schema)).iter_errors(value), key=lambda error: list(error.absolute_path))
    if problems:
        lines = [f"{'/'.join(map(str, error.absolute_path)) or '(root)'}: {error.message[:200]}" for error in problems]
        raise SpecMismatch(f"{what}: " + "; ".join(lines[:5]))


_CLOSED: dict[int, dict[str, Any]] = {}


def _closed(version: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the body schema with unknown keys refused, as the live API does."""
    if id(schema) not in _CLOSED:
        properties, required = _flat(version, schema)
        made = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
        _CLOSED[id(schema)] = made if properties else schema
    return _CLOSED[id(schema)]


def _flat(version: str, schema: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    properties, required = dict(schema.get("properties", {})), list(schema.get("required", []))
    parts = [part for name in COMBINERS for part in schema.get(name, [])]
    if "$ref" in schema:
        parts.append(_resolved(version, schema["$ref"]))
    for part in parts:
        more, needed = _flat(version, part)
        properties |= more
        required += needed
    return properties, required


def _resolved(version: str, reference: str) -> Any:
    node: Any = load(version)
    for key in reference.removeprefix("#/").split("/"):
        node = node[key]
    return node


def _check_query(operation: dict[str, Any], query: dict[str, Any]) -> None:
    known = {item["name"]: item for item in operation.get("parameters", []) if item["in"] == "query"}
    for name, item in known.items():
        if item.get("required") and name not in query:
            raise SpecMismatch(f"query parameter {name} is required")
    for name, value in query.items():
        if name not in known:
            raise SpecMismatch(f"query parameter {name} is not documented; known are {sorted(known)}")
        _check_parameter(name, known[name]["schema"], str(value))


def _check_parameter(name: str, schema: dict[str, Any], value: str) -> None:
    kind, allowed = schema.get("type"), schema.get("enum")
    if kind == "integer" and not value.lstrip("-").isdigit():
        raise SpecMismatch(f"query parameter {name} must be an integer, not {value}")
    if kind == "boolean" and value not in ("true", "false"):
        raise SpecMismatch(f"query parameter {name} must be true or false, not {value}")
    if allowed and kind == "string":
        wrong = [part for part in value.split(",") if part not in allowed]
        if wrong and value not in allowed:
            raise SpecMismatch(f"query parameter {name} does not allow {', '.join(wrong)}")
