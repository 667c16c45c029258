"""Our accounts at a bank: the balance (11). (`shared/reference`: sections A8, F1.)"""

from gerbang.connections import AccountBalance, Link, Silence
from gerbang.connections.snap import amounts, client, codes


async def balance(link: Link, account: str) -> AccountBalance:
    """What is on an account now. Raises Declined or Silence."""
    named = client.fresh_external_id(link)
    fields = await client.call(
        link, codes.BALANCE, {"partnerReferenceNo": named, "accountNo": account}, external_id=named
    )
    # One bank answers with an object where its table says a list.
    for each in amounts.objects(fields, "accountInfos"):
        booked = amounts.read(each, "ledgerBalance")
        for name in ("availableBalance", "amount"):
            available = amounts.read(each, name)
            if available is not None:
                return AccountBalance(available, booked)
    raise Silence("its answer has no balance")
