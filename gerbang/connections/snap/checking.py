"""`gerbang connections check` of a partner over the standard: a token, the clocks, and what is on the accounts. Nothing is paid.

A partner that gives no tokens is asked about a code that there is not: whoever answers that has believed our signature.
"""

from datetime import datetime, timedelta

from gerbang.connections import Check, Declined, Link, NotSent, Silence
from gerbang.connections.snap import access, accounts, client, codes, times
from gerbang.connections.snap.answers import Refusal
from gerbang.connections.snap.settings import merchant_id, operation
from gerbang.domain.money import readable

CLOCK_SKEW_MAX = timedelta(seconds=60)
"""Of a time that a partner writes into its answer: half of what the strictest one takes of ours."""
PURPOSES = frozenset({"payouts", "statements"})


async def check(link: Link) -> list[Check]:
    """What was looked at, and what came of it."""
    connection = link.connection
    if connection.base_url is None or connection.client_id is None or connection.private_key is None:
        return []
    checks = await _of_token(link) if client.scheme(connection) == "symmetric" else await _of_signature(link)
    if any(not each.ok for each in checks if each.what != "timestamps") or operation(connection, codes.BALANCE) is None:
        return checks
    for account in connection.accounts:
        # Those of virtual accounts' contracts are asked for nothing.
        if (account.purposes or connection.serves) & PURPOSES:
            checks.append(await _balance(link, account.number))
    return checks


async def _of_token(link: Link) -> list[Check]:
    """Whether the partner gives us a token, and has our time."""
    connection, asked_at = link.connection, link.clock.now()
    try:
        await access.token(link)
    except Silence as silence:
        cause = silence.__cause__
        found = [
            Check("token", False, _refused(link, cause) if isinstance(cause, Refusal) else f"{_sentence(silence)}.")
        ]
        return found + _clock(link, asked_at)
    lasts = int((access.of(link).ends_at - asked_at).total_seconds())
    checks = [
        Check("token", True, f"The partner knows {connection.client_id} and our key; a token lasts {lasts} seconds.")
    ]
    return checks + _clock(link, asked_at)


async def _of_signature(link: Link) -> list[Check]:
    """Whether the partner believes our signature; nothing where it has no service that can be asked for nothing."""
    connection = link.connection
    ways = {codes.QR_STATUS: codes.QR_MAKE, codes.DEBIT_STATUS: codes.DEBIT}
    asked = next((each for each in ways if operation(connection, each) is not None), None)
    if asked is None:
        return []
    named = client.fresh_external_id(link, asked)
    body = {
        "originalPartnerReferenceNo": named,
        "originalExternalId": named,
        "serviceCode": ways[asked],
        "merchantId": merchant_id(connection),
    }
    try:
        await client.call(link, asked, body)
    except Declined as refusal:
        if not (isinstance(refusal, Refusal) and refusal.status == 404):  # else it has looked for it
            why = f"The partner was asked about a code that there is not, and refuses that: {refusal}."
            return [Check("signature", False, f"{why} Compare client_id and partner_id with the contract.")]
    except Silence as silence:
        why = f"{_sentence(silence)}."
        if isinstance(silence, NotSent) and "turned" in str(silence):
            source = connection.private_key.source if connection.private_key else ""
            why += (
                f" Does it have the public half of the key from {source} (openssl pkey -in FILE -pubout)? Compare client_id and "
                "partner_id with the contract, and this machine's clock (timedatectl)."
            )
        return [Check("signature", False, why)]
    return [Check("signature", True, f"The partner knows {connection.client_id} and our key.")]


def _refused(link: Link, refusal: Refusal) -> str:
    """What a refused token request means, and what to do."""
    connection, said, text = link.connection, f"{refusal.status}, case {refusal.case or 'unknown'}", str(refusal)
    lower = text.lower()
    intro = f"The partner gives us no token ({said}): {text}."
    if "signature" in lower or "stringtosign" in lower or "verif" in lower:
        source = connection.private_key.source if connection.private_key else ""
        return (
            f"{intro} It does not know our key: send it the public half of the one from {source} "
            "(openssl pkey -in FILE -pubout), or ask which one it has."
        )
    if "client" in lower:
        return (
            f"{intro} It does not know us as {connection.client_id}: compare client_id and base_url with the contract."
        )
    if "timestamp" in lower or "time" in lower:
        return f"{intro} It does not take our time: look at this machine's clock (timedatectl, chronyc tracking)."
    if refusal.status == 404:
        return f"{intro} There is no such address: compare base_url with the contract, and settings.calls if there are any."
    return f"{intro} Compare client_id, private_key and base_url with the contract."


def _clock(link: Link, asked_at: datetime) -> list[Check]:
    """Compares our clock with the time that the partner writes into its answer; nothing where it writes none."""
    answered = access.of(link).answered
    theirs = times.read(answered.headers.get("x-timestamp", "").strip(), zone_needed=True) if answered else None
    if theirs is None:
        return []
    apart = max(asked_at - theirs, theirs - link.clock.now(), timedelta(0))
    if apart <= CLOCK_SKEW_MAX:
        return [Check("timestamps", True, "This machine and the partner write the same time.")]
    seconds = int(apart.total_seconds())
    sentence = (
        f"This machine's time and the partner's X-TIMESTAMP are {seconds} seconds apart, and signed requests are refused for "
        "that. Look whether this machine's time is synchronized (timedatectl, chronyc tracking)."
    )
    return [Check("timestamps", False, sentence)]


async def _balance(link: Link, account: str) -> Check:
    what = f"account {account}"
    try:
        found = await accounts.balance(link, account)
    except Declined as refusal:
        return Check(what, False, f"The partner does not say its balance: {refusal}. Is the account in the contract?")
    except Silence as silence:
        why = _sentence(silence)
        if "turned" in str(silence):
            why += ": it gave us a token and refuses the call. Compare client_secret, partner_id and channel_id with the contract"
        return Check(what, False, f"{why}.")
    return Check(what, True, f"{readable(found.available)} are available.")


def _sentence(silence: Silence) -> str:
    text = str(silence).rstrip(".") or "it gave no answer"
    return f"The partner was asked, and {text}"
