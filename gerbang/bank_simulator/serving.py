"""The partner calls the bank: tokens, and services by their paths. Nothing is done before the call is proven to be the partner's."""

from gerbang.bank_simulator.bank import Bank
from gerbang.bank_simulator.sockets import Reply, Request


async def answer(bank: Bank, request: Request) -> Reply:
    """Answers one call of the partner."""
    return Reply(404, b'{"responseCode":"4040000","responseMessage":"Nothing is served here yet"}')
