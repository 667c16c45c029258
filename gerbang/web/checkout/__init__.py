"""The payment page, /detail?token=…: a buyer chooses how to pay, pays, and goes back to the shop."""

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from gerbang.web._pages.endpoints import Context
from gerbang.web.checkout.card_payments import CardPayments
from gerbang.web.checkout.endpoints import Checkout

__all__ = ["Context", "build"]


def build(context: Context) -> ASGIApp:
    """The application at /detail and below it. In live mode it has no route of the sandbox."""
    endpoints = Checkout(context)
    cards = CardPayments(endpoints)
    routes = [
        Route("/detail", endpoints.page),
        Route("/detail/", endpoints.page),  # some shops add a slash to the links that they pass on
        Route("/detail/status", endpoints.status),
        Route("/detail/events", endpoints.events, methods=["GET"]),
        Route("/detail/choose", endpoints.posted(endpoints.choose), methods=["POST"]),
        Route("/detail/back", endpoints.posted(endpoints.back), methods=["POST"]),
        Route("/detail/card", cards.form),
        Route("/detail/card", cards.paid, methods=["POST"]),
        Route("/detail/card/forget", cards.forgetting),
        Route("/detail/card/forget", cards.forgotten, methods=["POST"]),
    ]
    if not context.world.live:
        routes.append(Route("/detail/simulate", endpoints.posted(endpoints.simulate), methods=["POST"]))
    application = Starlette(
        routes=routes, exception_handlers={404: endpoints.nothing_here, 405: endpoints.nothing_here}
    )
    application.router.redirect_slashes = False  # it would redirect to the host that the request names
    return application
