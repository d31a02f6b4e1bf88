"""Load what a batch must know: the links of its records, and who has their addresses now.

A link says who had an address when it was written, the identity index who had it when it was read. Neither proves
anything of today, so whoever shares an address with a record of the batch is read again before it counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from integration.engine.dispatch.jobs import save_jobs
from integration.engine.flow.base import Batch, Flow, Item, Record
from integration.engine.flow.session import SyncSession
from integration.engine.records import identity_index, links
from integration.engine.safety import erased
from integration.engine.sync import dry
from integration.models import LinkState, RecordLink, SyncJob


def load_batch(ctx: SyncSession, flow: Flow, items: Sequence[Item], records: Mapping[str, Record]) -> Batch:
    """The links of these records and, where addresses identify them, the living records that share an address."""
    ids = [item.external_id for item in items]
    known = links.of_records(ctx.integration, flow.link_type, ids)
    digests = _digests(records.values())
    refused = erased.refused(ctx, digests)
    if not flow.owns_addresses:
        linked = dry.owners(ctx, flow, digests) | links.owners(ctx.integration, flow.link_type, digests)
        return Batch(known, linked, erased=refused)
    source = ctx.connection(flow.side)
    identity_index.forget(source, flow.link_type, set(ids) - records.keys())
    digests = digests | _given_up(known, records)
    linked = dry.owners(ctx, flow, digests) | links.owners(ctx.integration, flow.link_type, digests)
    listed = identity_index.owners(source, flow.link_type, *digests)
    others = sorted(({*linked.values()} | listed.keys()) - {*ids})
    read = flow.read(ctx, [Item(key) for key in others]) if others else {}
    known |= links.of_records(ctx.integration, flow.link_type, others) if others else {}
    identity_index.forget(source, flow.link_type, set(others) - read.keys())
    sharing = _by_address({**read, **records}.values())
    _catch_up(ctx, flow, [key for key, digest in listed.items() if key in others and _moved(read.get(key), digest)])
    owners = {
        digest: source_id
        for digest, source_id in linked.items()
        if any(record.external_id == source_id for record in sharing.get(digest, ()))
    }
    return Batch(known, owners, sharing, refused)


def _digests(records: Iterable[Record]) -> set[str]:
    return {record.email_hash for record in records if record.email}


def _given_up(known: Mapping[str, RecordLink], records: Mapping[str, Record]) -> set[str]:
    """Addresses that records of the batch had and no longer have."""
    gone: set[str] = set()
    for source_id, link in known.items():
        if link.email_hash and link.state != LinkState.REMOVED and _moved(records.get(source_id), link.email_hash):
            gone.add(link.email_hash)
    return gone


def _moved(record: Record | None, digest: str) -> bool:
    return record is None or record.email_hash != digest


def _by_address(records: Iterable[Record]) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record.email and "merged_into" not in record.values:
            found[record.email_hash].append(record)
    return found


def _catch_up(ctx: SyncSession, flow: Flow, ids: Iterable[str]) -> None:
    """Look again at records whose address changed, or that went away, without our hearing of it."""
    save_jobs([SyncJob(integration=ctx.integration, flow=flow.key, external_id=key) for key in ids])
