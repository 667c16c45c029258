"""The payment-session API: /v1/access-token and /v2, in the words of the payment-session reference."""

from starlette.applications import Starlette
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.routing import Route
from starlette.types import ASGIApp

from gerbang.api import Context, Dialect
from gerbang.api.v2_sessions import errors, payments, sandbox, tokens
from gerbang.api.v2_sessions.answers import Desk, not_found
from gerbang.api.v2_sessions.events import MoneyVoice, PaymentVoice
from gerbang.domain.deliveries import Voice
from gerbang.services.pages import Pages


class _PaymentId(StringConvertor):
    """What may stand in the place of a payment's id; `simulations` is an address of its own, with its own methods."""

    regex = "(?!simulations$)[^/]+"


register_url_convertor("payment_id", _PaymentId())


def build(context: Context) -> ASGIApp:
    desk = Desk(context)
    routes = [
        Route(path, desk.endpoint(methods), methods=list(methods))
        for path, methods in {
            "/v1/access-token": {"POST": tokens.give},
            "/v2/payments": {"GET": payments.listing, "POST": payments.create},
            "/v2/payments/simulations": {"POST": sandbox.simulate},
            "/v2/payments/{id:payment_id}": {"GET": payments.retrieve},
            "/v2/payments/{id}/confirm": {"POST": payments.confirm},
            "/v2/payments/{id}/cancel": {"POST": payments.cancel},
            "/v2/charges": {"GET": payments.charges},
            "/v2/payment-method-configs": {"GET": payments.method_configs},
            "/v2/qr/{name}": {"GET": payments.picture},
        }.items()
    ]
    application = Starlette(routes=routes, exception_handlers={404: not_found, 405: desk.method_not_allowed})
    application.router.redirect_slashes = False  # the contract knows no redirects: what it does not list is not found
    return application


def voices(base_url: str, page_key: str) -> list[Voice]:
    return [PaymentVoice(Pages(base_url, page_key)), MoneyVoice()]


DIALECT = Dialect(
    name="v2_sessions",
    title="Payment sessions",
    prefixes=("/v1/", "/v2/"),
    build=build,
    voices=voices,
    unread=errors.unread,
)
