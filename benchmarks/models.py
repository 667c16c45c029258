"""Creates, pays and settles one payment of each dialect through a gateway: the rows it wrote are the model of all
others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from benchmarks import rows
from benchmarks.dialects import Dialect
from benchmarks.gateways import Gateway
from benchmarks.rows import Accounts, Connection, Snapshot, Substitutions, Table, Template
from gerbang.services.merchants import Keys

OPENING_SERIAL = "999999999999"
"""The serial number of a first payment, which opens the merchant's accounts and is not used as a model."""


@dataclass(frozen=True)
class Model:
    """A dialect's templates, and the beginning of the ids of its payments."""

    dialect: Dialect
    id: str
    created: Template
    booked: Template
    """The changes by a report of money."""
    paid: Template
    """Created and booked at once."""
    settled: Template
    """Created, booked and, if the dialect can request it, settled."""


async def derive(db: Connection, schema: Mapping[str, Table], gateway: Gateway, dialect: Dialect, keys: Keys) -> Model:
    """Creates payments through the gateway, and templates from the rows of the second one."""
    payment_id, taken = "", list[Snapshot]()
    for serial in (OPENING_SERIAL, rows.SERIAL):
        taken = [await rows.snapshot(db, schema)]
        made = dialect.ask(gateway, keys, dialect.requests["create"].about(serial))
        payment_id = dialect.id_in(made)
        for kind in ("pay", "settle"):
            taken.append(await rows.snapshot(db, schema))
            if kind in dialect.requests:
                task = dialect.requests[kind].filled(ID=dialect.written(payment_id))
                dialect.ask(gateway, keys, task.about(serial))
        taken.append(await rows.snapshot(db, schema))
    substitutions, accounts = Substitutions(_known(taken[0], keys.merchant_id)), Accounts()
    for before, after in pairwise(taken):
        step = rows.difference(before, after)
        substitutions.learn(step)
        accounts.learn(step, keys.merchant_id)
    place = substitutions.ids.index(payment_id) + 1

    def template(first: int, last: int) -> Template:
        return Template(schema, substitutions, rows.difference(taken[first], taken[last]), accounts)

    return Model(
        dialect, rows.HEAD + rows.id_rest(place), template(0, 1), template(1, 2), template(0, 2), template(0, 3)
    )


def _known(before: Snapshot, merchant_id: str) -> dict[str, str]:
    """Ids that existed before: those of the merchant, which differ for each, and some that stay constant."""
    endpoint = next(row for row in before["endpoints"].values() if row["merchant_id"] == merchant_id)
    staying = [str(row["id"]) for table in ("payments", "settlements") for row in before[table].values()]
    return {
        merchant_id: "{merchant}",
        str(endpoint["id"]): "{endpoint}",
        **{id_: rows.quoted(id_) for id_ in staying},
    }


async def derive_arrivals(
    db: Connection, schema: Mapping[str, Table], gateway: Gateway, dialect: Dialect, keys: Keys
) -> tuple[Template, Template]:
    """Creates a static number of a merchant, and templates of arrivals on it: paid, and settled."""
    requests = dialect.requests
    number = dialect.ask(gateway, keys, requests["static"].about(rows.SERIAL))["data"]["id"]
    taken: list[Snapshot] = []
    for _ in range(2):  # the first one opens the merchant's accounts and its settlement of the day
        taken = [await rows.snapshot(db, schema)]
        dialect.ask(gateway, keys, requests["arrive"].filled(ID=number))
        taken.append(await rows.snapshot(db, schema))
        (charge,) = rows.difference(*taken).new["charges"]
        dialect.ask(gateway, keys, requests["settle"].filled(ID=dialect.written(charge["id"] or "")))
        taken.append(await rows.snapshot(db, schema))
    substitutions = Substitutions(_known(taken[0], keys.merchant_id))
    paid, settled = (rows.difference(taken[0], after) for after in taken[1:])
    substitutions.learn(settled)
    return Template(schema, substitutions, paid, Accounts()), Template(schema, substitutions, settled, Accounts())
