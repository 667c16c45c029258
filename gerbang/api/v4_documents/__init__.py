"""The one-time-payment API: /api/v4, in the words of the one-time-payment reference."""

from starlette.convertors import StringConvertor, register_url_convertor
from starlette.types import ASGIApp

from gerbang.api import Context, Dialect
from gerbang.api._routes import Routes
from gerbang.api.v4_documents import banks, disbursements, errors, links, methods, payments
from gerbang.api.v4_documents.answers import Desk, method_not_allowed, not_found
from gerbang.api.v4_documents.events import PaymentVoice, PayoutVoice
from gerbang.domain.deliveries import Voice
from gerbang.services.pages import Pages


class _StaticType(StringConvertor):
    """The methods that can be static."""

    regex = "|".join(methods.TYPES)


register_url_convertor("static_type", _StaticType())


def build(context: Context) -> ASGIApp:
    desk = Desk(context)
    static = "/api/v4/payment_methods/{type:static_type}"
    return Routes(
        {
            "/api/v4/payments": {"GET": desk.endpoint(payments.listed), "POST": desk.endpoint(payments.create)},
            "/api/v4/payments/{id}": {"GET": desk.endpoint(payments.read)},
            "/api/v4/payments/{id}/tasks": {"POST": desk.endpoint(payments.tasks)},
            static: {"POST": desk.endpoint(methods.create)},
            f"{static}/{{id}}": {"GET": desk.endpoint(methods.read)},
            f"{static}/{{id}}/payments": {"GET": desk.endpoint(methods.payments)},
            f"{static}/{{id}}/tasks": {"POST": desk.endpoint(methods.tasks)},
            "/api/v4/payment_links": {"POST": desk.endpoint(links.create)},
            "/api/v4/payment_links/{id}": {"GET": desk.endpoint(links.read)},
            "/api/v4/payment_links/{id}/tasks": {"POST": desk.endpoint(links.tasks)},
            "/api/v4/disbursements": {
                "GET": desk.endpoint(disbursements.listed),
                "POST": desk.endpoint(disbursements.create),
            },
            "/api/v4/disbursements/{id}": {"GET": desk.endpoint(disbursements.read)},
            "/api/v4/disbursements/{id}/tasks": {"POST": desk.endpoint(disbursements.tasks)},
            "/api/v4/banks": {"GET": desk.endpoint(banks.listed)},
            "/api/v4/validation_services/bank_account_validation": {"POST": desk.endpoint(banks.validate)},
            "/api/v4/overviews/balance_overview": {"GET": desk.endpoint(disbursements.balance)},
        },
        not_found=not_found,
        method_not_allowed=method_not_allowed,
    )


def voices(base_url: str, page_key: str) -> list[Voice]:
    return [PaymentVoice(Pages(base_url, page_key)), PayoutVoice()]


DIALECT = Dialect(
    name="v4_documents",
    title="One-time payments",
    prefixes=("/api/v4/",),
    build=build,
    voices=voices,
    unread=errors.unread,
)
