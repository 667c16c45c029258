"""The simulated e-wallet, /wallet?token=…: the buyer in a sandbox approves or declines a charge."""

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from gerbang.web._pages.endpoints import Context
from gerbang.web.wallet.endpoints import Wallet


def build(context: Context) -> ASGIApp:
    """The application at /wallet and below it. In live mode it has no routes."""
    endpoints = Wallet(context)
    routes = [
        Route("/wallet", endpoints.page),
        Route("/wallet/", endpoints.page),  # some shops add a slash to the links that they pass on
        Route("/wallet/pay", endpoints.posted("paid"), methods=["POST"]),
        Route("/wallet/decline", endpoints.posted("declined"), methods=["POST"]),
    ]
    application = Starlette(
        routes=[] if context.world.live else routes,
        exception_handlers={404: endpoints.nothing_here, 405: endpoints.nothing_here},
    )
    application.router.redirect_slashes = False  # it would redirect to the host that the request names
    return application
