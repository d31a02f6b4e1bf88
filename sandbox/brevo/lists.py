"""Lists and folders, and who is on a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from sandbox.brevo import deliveries
from sandbox.brevo.api import CONTACTS, Call, Endpoint, empty, error, id_of, page
from sandbox.brevo.document import shown
from sandbox.brevo.model import Contact, ContactList
from sandbox.http import Record, reply

MOST_PER_CALL = 150


def join(call: Call, contacts: Sequence[Contact], ids: Sequence[int], *, bulk: bool = False) -> None:
    """Put contacts on lists. Whoever left one of them alone is subscribed to it again by this."""
    for number in ids:
        if "brevo.rejoin" in call.sandbox.thrown:
            contacts = [contact for contact in contacts if number not in contact.left_lists]
        fresh = [contact for contact in contacts if number not in contact.lists]
        for contact in contacts:
            contact.lists.add(number)
            contact.left_lists.discard(number)
        if fresh:
            deliveries.joined(call.sandbox, call.account, fresh, number, call.key_name, bulk=bulk)


def leave(contact: Contact, ids: Sequence[int]) -> None:
    contact.lists -= set(ids)


def list_lists(call: Call) -> Response:
    rows = page(call, list(call.account.lists.values()), 10, 50)
    return reply({"lists": [_shown(call, row) for row in rows], "count": len(call.account.lists)})


def create_list(call: Call) -> Response:
    wish = call.body()
    if not wish.get("name") or "folderId" not in wish:
        error(400, "missing_parameter", "name and folderId are required")
    if wish["folderId"] not in call.account.folders:
        error(400, "document_not_found", "Folder ID does not exist")
    made = ContactList(call.account.next("list"), str(wish["name"]), wish["folderId"])
    call.account.lists[made.id] = made
    return reply({"id": made.id}, 201)


def get_list(call: Call) -> Response:
    return reply(_shown(call, _list(call)) | {"createdAt": call.now(), "dynamicList": False})


def change_list(call: Call) -> Response:
    found, wish = _list(call), call.body()
    if len({"name", "folderId"} & wish.keys()) != 1:
        error(400, "invalid_parameter", "Either name or folderId must be given")
    found.name, found.folder_id = wish.get("name", found.name), wish.get("folderId", found.folder_id)
    return empty()


def delete_list(call: Call) -> Response:
    forget(call, _list(call).id)
    return empty()


def forget(call: Call, number: int) -> None:
    del call.account.lists[number]
    for contact in call.account.contacts.values():
        contact.lists.discard(number)


def members(call: Call) -> Response:
    number = _list(call).id
    rows = [contact for contact in call.account.contacts.values() if number in contact.lists]
    found = [shown(call.account, row) for row in page(call, rows, 50, 500)]
    return reply({"contacts": found, "count": len(rows)})


def add_members(call: Call) -> Response:
    return _members(call, put_in=True)


def remove_members(call: Call) -> Response:
    return _members(call, put_in=False)


def _members(call: Call, *, put_in: bool) -> Response:
    number, wish = _list(call).id, call.body()
    if wish.get("all") is True and not put_in:
        everybody = [row for row in call.account.contacts.values() if number in row.lists]
        for member in everybody:
            leave(member, [number])
        return reply({"contacts": {"total": len(everybody), "processId": call.account.next("process")}}, 201)
    success: list[Any] = []
    failure: list[Any] = []
    for kind, raw in _given(wish):
        contact = _member(call, kind, raw)
        fits = contact is not None and (number in contact.lists) != put_in
        (success if fits else failure).append(raw)
        if contact is not None and fits:
            join(call, [contact], [number]) if put_in else leave(contact, [number])
            contact.modified = call.now()
    if not success and "brevo.all_failed" not in call.sandbox.thrown:
        where = "already in list" if put_in else "not in list"
        error(400, "invalid_parameter", f"Contacts {where} and/or does not exist")
    return reply({"contacts": {"success": success, "failure": failure}}, 201)


def _given(wish: Record) -> list[tuple[str, Any]]:
    kinds = [name for name in ("emails", "ids", "extIds") if wish.get(name)]
    if len(kinds) != 1:
        error(400, "missing_parameter", "emails, ids or extIds is missing")
    rows = wish[kinds[0]]
    if not isinstance(rows, list) or len(rows) > MOST_PER_CALL:
        error(400, "out_of_range", f"{kinds[0]} takes at most {MOST_PER_CALL} values")
    return [(kinds[0], raw) for raw in rows]


def _member(call: Call, kind: str, raw: Any) -> Contact | None:
    if kind == "ids":
        return call.account.contacts.get(raw)
    return call.account.find("EMAIL" if kind == "emails" else "EXT_ID", str(raw))


def _list(call: Call) -> ContactList:
    return call.account.lists.get(id_of(call)) or error(404, "document_not_found", "List ID does not exist")


def _shown(call: Call, row: ContactList) -> Record:
    """Both totals are 0: the vendor is dropping them."""
    unique = sum(row.id in contact.lists for contact in call.account.contacts.values())
    return {"id": row.id, "name": row.name, "folderId": row.folder_id, "uniqueSubscribers": unique,
            "totalSubscribers": 0, "totalBlacklisted": 0}  # fmt: skip


def list_folders(call: Call) -> Response:
    rows = page(call, [_folder_shown(call, number) for number in call.account.folders], 10, 50)
    return reply({"folders": list(rows), "count": len(call.account.folders)})


def create_folder(call: Call) -> Response:
    name = call.body().get("name") or error(400, "missing_parameter", "name is missing")
    number = call.account.next("folder")
    call.account.folders[number] = str(name)
    return reply({"id": number}, 201)


def get_folder(call: Call) -> Response:
    return reply(_folder_shown(call, _folder(call)))


def change_folder(call: Call) -> Response:
    call.account.folders[_folder(call)] = str(call.body().get("name") or "")
    return empty()


def delete_folder(call: Call) -> Response:
    """A folder takes its lists along."""
    number = _folder(call)
    for row in [row for row in call.account.lists.values() if row.folder_id == number]:
        forget(call, row.id)
    del call.account.folders[number]
    return empty()


def folder_lists(call: Call) -> Response:
    number = _folder(call)
    rows = [row for row in call.account.lists.values() if row.folder_id == number]
    return reply({"lists": [_shown(call, row) for row in page(call, rows, 10, 50)], "count": len(rows)})


def _folder(call: Call) -> int:
    number = id_of(call)
    return number if number in call.account.folders else error(404, "document_not_found", "Folder ID does not exist")


def _folder_shown(call: Call, number: int) -> Record:
    return {"id": number, "name": call.account.folders[number], "uniqueSubscribers": 0, "totalSubscribers": 0,
            "totalBlacklisted": 0}  # fmt: skip


ENDPOINTS = [
    Endpoint("GET", "contacts/lists", list_lists, CONTACTS),
    Endpoint("POST", "contacts/lists", create_list, CONTACTS),
    Endpoint("GET", "contacts/lists/{id}", get_list, CONTACTS),
    Endpoint("PUT", "contacts/lists/{id}", change_list, CONTACTS),
    Endpoint("DELETE", "contacts/lists/{id}", delete_list, CONTACTS),
    Endpoint("GET", "contacts/lists/{id}/contacts", members, CONTACTS),
    Endpoint("POST", "contacts/lists/{id}/contacts/add", add_members, CONTACTS),
    Endpoint("POST", "contacts/lists/{id}/contacts/remove", remove_members, CONTACTS),
    Endpoint("GET", "contacts/folders", list_folders, CONTACTS),
    Endpoint("POST", "contacts/folders", create_folder, CONTACTS),
    Endpoint("GET", "contacts/folders/{id}", get_folder, CONTACTS),
    Endpoint("PUT", "contacts/folders/{id}", change_folder, CONTACTS),
    Endpoint("DELETE", "contacts/folders/{id}", delete_folder, CONTACTS),
    Endpoint("GET", "contacts/folders/{id}/lists", folder_lists, CONTACTS),
]
