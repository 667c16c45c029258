"""The payment-session API: /v1/access-token and /v2, in the words of the payment-session reference."""

from starlette.types import ASGIApp

from gerbang.api import Context, Dialect
from gerbang.api._routes import Routes
from gerbang.api.v2_sessions import errors, payments, sandbox, tokens
from gerbang.api.v2_sessions.answers import Desk, method_not_allowed, not_found
from gerbang.api.v2_sessions.events import MoneyVoice, PaymentVoice
from gerbang.domain.deliveries import Voice
from gerbang.services.pages import Pages


def build(context: Context) -> ASGIApp:
    desk = Desk(context)
    return Routes(
        {
            "/v1/access-token": {"POST": desk.endpoint(tokens.give)},
            "/v2/payments": {"GET": desk.endpoint(payments.listing), "POST": desk.endpoint(payments.create)},
            "/v2/payments/simulations": {"POST": desk.endpoint(sandbox.simulate)},
            "/v2/payments/{id}": {"GET": desk.endpoint(payments.retrieve)},
            "/v2/payments/{id}/confirm": {"POST": desk.endpoint(payments.confirm)},
            "/v2/payments/{id}/cancel": {"POST": desk.endpoint(payments.cancel)},
            "/v2/charges": {"GET": desk.endpoint(payments.charges)},
            "/v2/payment-method-configs": {"GET": desk.endpoint(payments.method_configs)},
            "/v2/qr/{name}": {"GET": desk.endpoint(payments.picture)},
        },
        not_found=not_found,
        method_not_allowed=method_not_allowed,
    )


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
