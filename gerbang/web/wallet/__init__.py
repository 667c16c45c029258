"""The simulator's wallet: /wallet?token=…, where the buyer of a sandbox agrees to a charge or declines it."""

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from gerbang.web._pages.endpoints import Context
from gerbang.web.wallet.endpoints import Wallet


def build(context: Context) -> ASGIApp:
    """The application that claims /wallet and everything below it. In live mode there is nothing at all."""
    endpoints = Wallet(context)
    routes = [
        Route("/wallet", endpoints.page),
        Route("/wallet/", endpoints.page),  # shops write a slash into the links that they pass on
        Route("/wallet/pay", endpoints.posted("paid"), methods=["POST"]),
        Route("/wallet/decline", endpoints.posted("declined"), methods=["POST"]),
    ]
    application = Starlette(
        routes=[] if context.world.live else routes,
        exception_handlers={404: endpoints.nothing_here, 405: endpoints.nothing_here},
    )
    application.router.redirect_slashes = False  # it would send buyers to whatever host was named
    return application
