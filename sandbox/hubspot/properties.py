"""Properties and their groups: list, read, create, change, archive. An archived name comes back when it is created."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.http import Record, reply
from sandbox.hubspot.api import Call, Endpoint, iso, not_found, refuse
from sandbox.hubspot.schema import options, problem_with
from sandbox.hubspot.values import DEAL_STAGES

PATH = "properties/{kind}"
READ, SCHEMAS = "crm.objects.{kind}.read", "crm.schemas.{kind}.write"
CHANGEABLE = ("label", "description", "groupName", "options", "displayOrder", "formField", "hidden")


def _known(call: Call) -> dict[str, Record]:
    """The definitions of a kind of records; those of contacts where somebody in the pages means them."""
    kind = call.params.get("kind", "contacts")
    if kind == "contacts":
        return call.portal.properties
    return call.portal.definitions.get(kind) or refuse(400, f"Unable to infer object type from: {kind}")


def list_properties(call: Call) -> Response:
    archived = call.incoming.query.get("archived") == "true"
    source = call.portal.archived_properties if archived else _known(call)
    return reply({"results": [_told(call, row) for row in source.values()]})


def read_property(call: Call) -> Response:
    return reply(_told(call, _found(call)))


def _told(call: Call, row: Record) -> Record:
    """Stages of deals are those of their pipelines; whether the property lists them too is open."""
    listed = row["name"] == "dealstage" and "hubspot.stage_options" in call.sandbox.thrown
    return row | {"options": options(DEAL_STAGES)} if listed else row


def create_property(call: Call) -> Response:
    wish = call.body()
    if words := problem_with(wish):
        refuse(400, f"Invalid property: {words}")
    name = str(wish["name"])
    if name in _known(call):
        refuse(
            409, f"A property named '{name}' already exists.", "OBJECT_ALREADY_EXISTS",
            subCategory="Properties.PROPERTY_WITH_NAME_EXISTS",
        )  # fmt: skip
    if call.params.get("kind", "contacts") == "contacts" and wish["groupName"] not in call.portal.groups:
        refuse(400, f"The group {wish['groupName']} does not exist", "VALIDATION_ERROR")
    call.portal.archived_properties.pop(name, None)
    made = _made(call, wish)
    _known(call)[name] = made
    return reply(made, 201)


def _made(call: Call, wish: Record) -> Record:
    now = iso(call.now())
    return {
        "name": wish["name"], "label": wish["label"], "type": wish["type"], "fieldType": wish["fieldType"],
        "groupName": wish["groupName"], "description": wish.get("description", ""),
        "options": wish.get("options") or [], "displayOrder": wish.get("displayOrder", -1),
        "formField": bool(wish.get("formField", False)), "hidden": bool(wish.get("hidden", False)),
        "hasUniqueValue": bool(wish.get("hasUniqueValue", False)), "hubspotDefined": False, "calculated": False,
        "archived": False, "createdAt": now, "updatedAt": now,
        "modificationMetadata": {"archivable": True, "readOnlyDefinition": False, "readOnlyValue": False},
    }  # fmt: skip


def change_property(call: Call) -> Response:
    """`options` replaces the whole list; without it the list stays."""
    found, wish = _found(call), call.body()
    if found["modificationMetadata"]["readOnlyDefinition"]:
        refuse(400, "This property cannot be changed")
    found |= {key: wish[key] for key in CHANGEABLE if key in wish}
    found["updatedAt"] = iso(call.now())
    _known(call)[found["name"]] = found
    return reply(found)


def archive_property(call: Call) -> Response:
    found = _found(call)
    if found["hubspotDefined"]:
        refuse(400, "This property cannot be deleted", "VALIDATION_ERROR",
               subCategory="PropertyValidationError.CANNOT_DELETE_PROPERTY_IN_USE")  # fmt: skip
    remove(call, found["name"])
    return Response(status_code=204)


def remove(call: Call, name: str) -> None:
    """The definition goes to the archive, its values are gone."""
    call.portal.archived_properties[name] = call.portal.properties.pop(name) | {"archived": True}
    for contact in call.portal.contacts.values():
        contact.values.pop(name, None)


def _found(call: Call) -> Record:
    found = _known(call).get(call.params["name"])
    return found if found is not None else not_found()


def list_groups(call: Call) -> Response:
    return reply({"results": list(call.portal.groups.values())})


def read_group(call: Call) -> Response:
    return reply(_group(call))


def create_group(call: Call) -> Response:
    wish = call.body()
    name, label = wish.get("name"), wish.get("label")
    if not isinstance(name, str) or not name or not isinstance(label, str) or not label:
        refuse(400, "name and label are required")
    if name in call.portal.groups:
        refuse(409, f"A property group named '{name}' already exists.", "OBJECT_ALREADY_EXISTS")
    made: Record = {"name": name, "label": label, "displayOrder": wish.get("displayOrder", -1), "archived": False}
    call.portal.groups[name] = made
    return reply(made, 201)


def change_group(call: Call) -> Response:
    found, wish = _group(call), call.body()
    found |= {key: wish[key] for key in ("label", "displayOrder") if key in wish}
    call.portal.groups[found["name"]] = found
    return reply(found)


def archive_group(call: Call) -> Response:
    found = _group(call)
    if any(item["groupName"] == found["name"] for item in call.portal.properties.values()):
        refuse(400, "A group with active properties cannot be deleted")
    del call.portal.groups[found["name"]]
    return Response(status_code=204)


def _group(call: Call) -> Record:
    found = call.portal.groups.get(call.params["name"])
    return found if found is not None else not_found()


ENDPOINTS = [
    Endpoint("GET", PATH, list_properties, READ),
    Endpoint("POST", PATH, create_property, SCHEMAS),
    Endpoint("GET", PATH + "/groups", list_groups, READ),
    Endpoint("POST", PATH + "/groups", create_group, SCHEMAS),
    Endpoint("GET", PATH + "/groups/{name}", read_group, READ),
    Endpoint("PATCH", PATH + "/groups/{name}", change_group, SCHEMAS),
    Endpoint("DELETE", PATH + "/groups/{name}", archive_group, SCHEMAS),
    Endpoint("GET", PATH + "/{name}", read_property, READ),
    Endpoint("PATCH", PATH + "/{name}", change_property, SCHEMAS),
    Endpoint("DELETE", PATH + "/{name}", archive_property, SCHEMAS),
]
