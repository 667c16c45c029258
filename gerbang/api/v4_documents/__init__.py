"""The one-time-payment API: /api/v4, in the words of the one-time-payment reference."""

from starlette.applications import Starlette
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.routing import Route
from starlette.types import ASGIApp

from gerbang.api import Context, Dialect
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
    routes = [
        Route(path, desk.endpoint(methods_), methods=list(methods_))
        for path, methods_ in {
            "/api/v4/payments": {"GET": payments.listed, "POST": payments.create},
            "/api/v4/payments/{id}": {"GET": payments.read},
            "/api/v4/payments/{id}/tasks": {"POST": payments.tasks},
            static: {"POST": methods.create},
            f"{static}/{{id}}": {"GET": methods.read},
            f"{static}/{{id}}/payments": {"GET": methods.payments},
            f"{static}/{{id}}/tasks": {"POST": methods.tasks},
            "/api/v4/payment_links": {"POST": links.create},
            "/api/v4/payment_links/{id}": {"GET": links.read},
            "/api/v4/payment_links/{id}/tasks": {"POST": links.tasks},
            "/api/v4/disbursements": {"GET": disbursements.listed, "POST": disbursements.create},
            "/api/v4/disbursements/{id}": {"GET": disbursements.read},
            "/api/v4/disbursements/{id}/tasks": {"POST": disbursements.tasks},
            "/api/v4/banks": {"GET": banks.listed},
            "/api/v4/validation_services/bank_account_validation": {"POST": banks.validate},
            "/api/v4/overviews/balance_overview": {"GET": disbursements.balance},
        }.items()
    ]
    application = Starlette(routes=routes, exception_handlers={404: not_found, 405: method_not_allowed})
    application.router.redirect_slashes = False
    return application


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
