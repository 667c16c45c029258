"""/payment_links: links to a page on which the buyer chooses a payment method. Their tasks are those of payments."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from gerbang.api.v4_documents import payments, shapes
from gerbang.api.v4_documents.answers import Endpoints, answer, document, id_in_path
from gerbang.api.v4_documents.events import PRODUCT
from gerbang.api.v4_documents.requests import NAME_LENGTH_MAX, REFERENCE_LENGTH_MAX, attributes_of
from gerbang.api.v4_documents.tasks import ACTIONS, perform
from gerbang.domain.customers import Customer
from gerbang.domain.payments import Details
from gerbang.errors import PaymentUnknown
from gerbang.services.payments.decide import NewPayment
from gerbang.services.payments.search import Paid, PaymentLookup


async def create(endpoints: Endpoints, request: Request, merchant_id: UUID) -> Response:
    attributes = await attributes_of(request)
    attributes.rupiah_only()
    name = attributes.demanded("customerName", NAME_LENGTH_MAX)
    # Returned as it was sent. It does not create a customer, which only v2 has.
    echo: dict[str, str | bool] = {
        "customer_email": attributes.email("customerEmail"),
        "customer_phone": attributes.demanded("customerPhoneNumber", 30),
    }

    ends = attributes.instant("expiredAt")
    order = NewPayment(
        merchant_id=merchant_id,
        product=PRODUCT,
        scope=shapes.LINKS,
        reference=attributes.demanded("referenceId", REFERENCE_LENGTH_MAX),
        kind="one_time",
        amount=attributes.amount(),
        method=None,
        details=Details(
            redirect=True,
            customer=Customer(given_name=name),
            description=attributes.text("description", lines=True),
            shown_name=attributes.member("paymentMethodOptions").text("displayName", NAME_LENGTH_MAX)
            or attributes.text("displayName", NAME_LENGTH_MAX)
            or "",
            echo=echo,
        ),
        descriptor=None,
        expires_at=ends,
    )
    return await payments.create_or_repeat(endpoints, order, "paymentMethodOptions.")


async def _found(endpoints: Endpoints, request: Request, merchant_id: UUID) -> Paid:
    id_ = id_in_path(request, "paymentlink_")
    found = None if id_ is None else await endpoints.batches.find(PaymentLookup(merchant_id, id_))
    if found is None or found.payment.scope != shapes.LINKS:
        raise PaymentUnknown
    return found


async def read(endpoints: Endpoints, request: Request, merchant_id: UUID) -> Response:
    found = await _found(endpoints, request, merchant_id)
    return answer(document(shapes.link(found.payment, found.charge, endpoints.pages)))


async def tasks(endpoints: Endpoints, request: Request, merchant_id: UUID) -> Response:
    attributes = await attributes_of(request)
    action = attributes.one_of("action", ACTIONS)
    found = await _found(endpoints, request, merchant_id)
    await perform(endpoints, found, action)
    return answer(document(shapes.task(f"paymentlink_{found.payment.id.hex}", "payment_links", action)))
