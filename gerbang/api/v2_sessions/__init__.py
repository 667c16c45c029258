"""The payment-session API: /v1/access-token and /v2, as the payment-session reference defines it."""

from starlette.types import ASGIApp

from gerbang.api import Context, Dialect
from gerbang.api._routes import Routes
from gerbang.api.v2_sessions import (
    balances,
    cards,
    contract,
    customers,
    errors,
    inquiries,
    payments,
    payouts,
    refunds,
    sandbox,
    tokens,
    withdrawals,
)
from gerbang.api.v2_sessions.answers import Endpoints, method_not_allowed, not_found
from gerbang.api.v2_sessions.events import (
    PaymentCallbacks,
    PayoutCallbacks,
    RefundCallbacks,
    SuspenseCallbacks,
    WithdrawalCallbacks,
)
from gerbang.domain.deliveries import CallbackFormat
from gerbang.services.pages import Pages
from gerbang.vault import Vault
from gerbang.world import AnswerFormat


def build(context: Context) -> ASGIApp:
    endpoints = Endpoints(context)
    return Routes(
        {
            "/v1/access-token": {"POST": endpoints.endpoint(tokens.issue)},
            "/v2/payments": {"GET": endpoints.endpoint(payments.listing), "POST": endpoints.endpoint(payments.create)},
            "/v2/payments/simulations": {"POST": endpoints.endpoint(sandbox.simulate)},
            "/v2/payments/{id}": {"GET": endpoints.endpoint(payments.retrieve)},
            "/v2/payments/{id}/confirm": {"POST": endpoints.endpoint(payments.confirm)},
            "/v2/payments/{id}/cancel": {"POST": endpoints.endpoint(payments.cancel)},
            "/v2/payments/{id}/capture": {"POST": endpoints.endpoint(cards.capture)},
            "/v1/customers/{customer}": {"GET": endpoints.endpoint(customers.retrieve)},
            "/v1/customers/{customer}/stored-payment-methods/{token}": {"DELETE": endpoints.endpoint(customers.delete)},
            "/v2/charges": {"GET": endpoints.endpoint(payments.charges)},
            "/v1/balances": {"GET": endpoints.endpoint(balances.retrieve)},
            "/v1/balance-histories": {"GET": endpoints.endpoint(balances.histories)},
            "/v1/inquiry-account": {"POST": endpoints.endpoint(inquiries.ask)},
            "/v1/inquiry-account/{id}": {"GET": endpoints.endpoint(inquiries.retrieve)},
            "/v1/withdrawals": {"POST": endpoints.endpoint(withdrawals.create)},
            "/v1/payouts": {"POST": endpoints.endpoint(payouts.create)},
            "/v1/payouts/balance": {"GET": endpoints.endpoint(payouts.balance)},
            "/v1/payouts/{id}": {"GET": endpoints.endpoint(payouts.retrieve)},
            "/v2/payment-method-configs": {"GET": endpoints.endpoint(payments.method_configs)},
            "/v1/refunds": {"GET": endpoints.endpoint(refunds.listing), "POST": endpoints.endpoint(refunds.create)},
            "/v1/refunds/{id}": {"GET": endpoints.endpoint(refunds.retrieve)},
            "/v2/qr/{name}": {"GET": endpoints.endpoint(payments.picture)},
        },
        not_found=not_found,
        method_not_allowed=method_not_allowed,
    )


def callback_formats(base_url: str, page_key: str) -> list[CallbackFormat]:
    return [
        PaymentCallbacks(Pages(base_url, page_key)),
        RefundCallbacks(),
        SuspenseCallbacks(),
        PayoutCallbacks(),
        WithdrawalCallbacks(),
    ]


def answer_formats(base_url: str, page_key: str, vault: Vault) -> list[AnswerFormat]:
    return [payments.PaymentAnswers(Pages(base_url, page_key), vault)]


DIALECT = Dialect(
    name="v2_sessions",
    title="Payment sessions",
    prefixes=("/v1/", "/v2/"),
    build=build,
    callback_formats=callback_formats,
    answer_formats=answer_formats,
    unread=errors.unread,
    completed=contract.completed,
)
