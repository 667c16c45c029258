"""The one-time-payment API: /api/v4, as the one-time-payment reference defines it."""

from starlette.convertors import StringConvertor, register_url_convertor
from starlette.types import ASGIApp

from gerbang.api import Context, Dialect
from gerbang.api._routes import Routes
from gerbang.api.v4_documents import banks, contract, disbursements, errors, links, methods, payments
from gerbang.api.v4_documents.answers import Endpoints, method_not_allowed, not_found
from gerbang.api.v4_documents.events import PaymentCallbacks, PayoutCallbacks
from gerbang.domain.deliveries import CallbackFormat
from gerbang.services.pages import Pages
from gerbang.vault import Vault
from gerbang.world import AnswerFormat


class _StaticType(StringConvertor):
    """A path parameter: the type of a static method."""

    regex = "|".join(methods.TYPES)


register_url_convertor("static_type", _StaticType())


def build(context: Context) -> ASGIApp:
    endpoints = Endpoints(context)
    static = "/api/v4/payment_methods/{type:static_type}"
    return Routes(
        {
            "/api/v4/payments": {
                "GET": endpoints.endpoint(payments.listed),
                "POST": endpoints.endpoint(payments.create),
            },
            "/api/v4/payments/{id}": {"GET": endpoints.endpoint(payments.read)},
            "/api/v4/payments/{id}/tasks": {"POST": endpoints.endpoint(payments.tasks)},
            static: {"POST": endpoints.endpoint(methods.create)},
            f"{static}/{{id}}": {"GET": endpoints.endpoint(methods.read)},
            f"{static}/{{id}}/payments": {"GET": endpoints.endpoint(methods.payments)},
            f"{static}/{{id}}/tasks": {"POST": endpoints.endpoint(methods.tasks)},
            "/api/v4/payment_links": {"POST": endpoints.endpoint(links.create)},
            "/api/v4/payment_links/{id}": {"GET": endpoints.endpoint(links.read)},
            "/api/v4/payment_links/{id}/tasks": {"POST": endpoints.endpoint(links.tasks)},
            "/api/v4/disbursements": {
                "GET": endpoints.endpoint(disbursements.listed),
                "POST": endpoints.endpoint(disbursements.create),
            },
            "/api/v4/disbursements/{id}": {"GET": endpoints.endpoint(disbursements.read)},
            "/api/v4/disbursements/{id}/tasks": {"POST": endpoints.endpoint(disbursements.tasks)},
            "/api/v4/banks": {"GET": endpoints.endpoint(banks.listed)},
            "/api/v4/validation_services/bank_account_validation": {"POST": endpoints.endpoint(banks.validate)},
            "/api/v4/overviews/balance_overview": {"GET": endpoints.endpoint(disbursements.balance)},
        },
        not_found=not_found,
        method_not_allowed=method_not_allowed,
    )


def callback_formats(base_url: str, page_key: str) -> list[CallbackFormat]:
    return [PaymentCallbacks(Pages(base_url, page_key)), PayoutCallbacks()]


def answer_formats(base_url: str, page_key: str, vault: Vault) -> list[AnswerFormat]:
    return [payments.PaymentAnswers(Pages(base_url, page_key))]


DIALECT = Dialect(
    name="v4_documents",
    title="One-time payments",
    prefixes=("/api/v4/",),
    build=build,
    callback_formats=callback_formats,
    answer_formats=answer_formats,
    unread=errors.unread,
    completed=contract.completed,
)
