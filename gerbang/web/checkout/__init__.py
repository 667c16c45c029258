"""The payer's page: /detail?token=…, where a buyer chooses how to pay, pays, and goes back to the shop."""

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from gerbang.web._pages.endpoints import Context
from gerbang.web.checkout.endpoints import Checkout

__all__ = ["Context", "build"]


def build(context: Context) -> ASGIApp:
    """The application that claims /detail and everything below it. What only a sandbox has is not there in live mode."""
    endpoints = Checkout(context)
    routes = [
        Route("/detail", endpoints.page),
        Route("/detail/", endpoints.page),  # shops write a slash into the links that they pass on
        Route("/detail/status", endpoints.status),
        Route("/detail/events", endpoints.events, methods=["GET"]),
        Route("/detail/choose", endpoints.posted(endpoints.choose), methods=["POST"]),
        Route("/detail/back", endpoints.posted(endpoints.back), methods=["POST"]),
    ]
    if not context.world.live:
        routes.append(Route("/detail/simulate", endpoints.posted(endpoints.simulate), methods=["POST"]))
    application = Starlette(
        routes=routes, exception_handlers={404: endpoints.nothing_here, 405: endpoints.nothing_here}
    )
    application.router.redirect_slashes = False  # it would send buyers to whatever host was named
    return application
