"""3-D Secure, /threeds?token=…: a sandbox plays the page of a card's bank, and buyers come back here from a real one."""

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from gerbang.web._pages.endpoints import Context
from gerbang.web.threeds.endpoints import ThreeDs


def build(context: Context) -> ASGIApp:
    """The application at /threeds and below it. In live mode it plays no bank: buyers only come back to it."""
    endpoints = ThreeDs(context)
    # Banks send their buyers back by a link or by a form.
    routes = [Route("/threeds/return", endpoints.returned, methods=["GET", "POST"])]
    if not context.world.live:
        routes += [
            Route("/threeds", endpoints.page),
            Route("/threeds/", endpoints.page),
            Route("/threeds/pass", endpoints.posted("passed"), methods=["POST"]),
            Route("/threeds/fail", endpoints.posted("failed"), methods=["POST"]),
            Route("/threeds/cancel", endpoints.posted("cancelled"), methods=["POST"]),
        ]
    application = Starlette(
        routes=routes, exception_handlers={404: endpoints.nothing_here, 405: endpoints.nothing_here}
    )
    application.router.redirect_slashes = False  # it would redirect to the host that the request names
    return application
