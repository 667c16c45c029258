"""The addresses of pages, and the tokens that open them."""

from datetime import UTC, datetime
from uuid import UUID

import jwt
import pytest
from msgspec.structs import replace

from gerbang.services.pages import Pages
from tests.domain.test_payment_states import PAYMENT

KEY = "0123456789abcdef" * 4


@pytest.mark.parametrize("expires_at", [None, datetime(2026, 11, 28, 3, 4, 5, 600_000, UTC)])
def test_the_token_of_a_page_is_the_jwt_that_any_library_makes_of_its_claims(expires_at: datetime | None) -> None:
    payment = replace(PAYMENT, id=UUID(int=7), expires_at=expires_at)

    address, _, token = Pages("https://pay.example", KEY).payment_url(payment).partition("?token=")

    claims = {"uuid": str(payment.id), "iss": "backend-portal"} | ({} if expires_at is None else {"exp": 1_795_835_045})
    assert address == "https://pay.example/detail"
    assert token == jwt.encode(claims, KEY, algorithm="HS256")
    assert Pages("https://pay.example", KEY).payment_of(token) == payment.id
