"""The payer's page: /detail?token=…, where a buyer chooses how to pay, pays, and goes back to the shop."""

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from gerbang.web.buyers.desk import Context
from gerbang.web.checkout.desk import Checkout

__all__ = ["Context", "build"]


def build(context: Context) -> ASGIApp:
    """The application that claims /detail and everything below it. What only a sandbox has is not there in live mode."""
    desk = Checkout(context)
    routes = [
        Route("/detail", desk.page),
        Route("/detail/", desk.page),  # shops write a slash into the links that they pass on
        Route("/detail/status", desk.status),
        Route("/detail/events", desk.events, methods=["GET"]),
        Route("/detail/choose", desk.posted(desk.choose), methods=["POST"]),
        Route("/detail/back", desk.posted(desk.back), methods=["POST"]),
    ]
    if not context.world.live:
        routes.append(Route("/detail/simulate", desk.posted(desk.simulate), methods=["POST"]))
    application = Starlette(routes=routes, exception_handlers={404: desk.nothing_here, 405: desk.nothing_here})
    application.router.redirect_slashes = False  # it would send buyers to whatever host was named
    return application
