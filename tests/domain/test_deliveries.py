"""The retry schedule: when a callback that was not accepted is sent again, and when it is not."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from gerbang.domain.deliveries import Product, State, Try, after

NOW = datetime(2025, 3, 30, 5, 48, 17, tzinfo=UTC)
RETRY_SCHEDULE = (timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
PRODUCT = Product("payment", frozenset(), RETRY_SCHEDULE)
RETRIES_ALL = Product("payment", frozenset(), RETRY_SCHEDULE, takes_no=False)
"""A product whose API has no status by which an endpoint refuses a callback for good."""


def attempt(number: int, status: int | None) -> Try:
    return Try(number, NOW, status, 0.1)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_a_2xx_answer_makes_a_delivery_delivered(status: int) -> None:
    assert after(attempt(1, status), PRODUCT) == ("delivered", None)


@pytest.mark.parametrize("status", [None, 408, 429, 500, 502, 503, 504, 599])
def test_no_answer_and_temporary_errors_are_retried(status: int | None) -> None:
    assert after(attempt(1, status), PRODUCT) == ("waiting", NOW + timedelta(minutes=5))


@pytest.mark.parametrize("status", [100, 199, 300, 301, 302, 307, 308, 400, 401, 403, 404, 409, 410, 422, 451, 499])
def test_any_other_status_is_final_unless_the_product_retries_every_failure(status: int) -> None:
    assert after(attempt(1, status), PRODUCT) == ("given_up", None)
    assert after(attempt(1, status), RETRIES_ALL) == ("waiting", NOW + timedelta(minutes=5))
    assert after(attempt(4, status), RETRIES_ALL) == ("parked", None)


@pytest.mark.parametrize(
    ("number", "state", "wait"),
    [
        (1, "waiting", timedelta(minutes=5)),
        (2, "waiting", timedelta(minutes=15)),
        (3, "waiting", timedelta(hours=1)),
        (4, "parked", None),
        (5, "parked", None),
    ],
)
def test_each_wait_counts_from_the_previous_try_and_the_last_failure_parks_the_delivery(
    number: int, state: State, wait: timedelta | None
) -> None:
    assert after(attempt(number, 500), PRODUCT) == (state, None if wait is None else NOW + wait)


@pytest.mark.parametrize(("number", "wait"), [(8, timedelta(minutes=5)), (9, timedelta(minutes=15)), (11, None)])
def test_a_manual_resend_starts_the_retry_schedule_again(number: int, wait: timedelta | None) -> None:
    state, next_at = after(attempt(number, None), PRODUCT, tries_before_resend=7)
    assert (state, next_at) == (("parked", None) if wait is None else ("waiting", NOW + wait))


def test_with_an_empty_retry_schedule_there_is_one_try() -> None:
    assert after(attempt(1, 500), replace(PRODUCT, retry_schedule=())) == ("parked", None)
