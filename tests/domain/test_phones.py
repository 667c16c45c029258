"""Phone numbers as people write them."""

import pytest

from gerbang.domain.phones import mobile


@pytest.mark.parametrize(
    "written", ["081234567890", "+6281234567890", "6281234567890", "0812-3456-7890", "+62 812 3456 7890"]
)
def test_a_mobile_number_is_known_however_it_is_written(written: str) -> None:
    assert mobile(written) == "+6281234567890"


@pytest.mark.parametrize(
    "written",
    ["", "8", "81234567890", "0212345678", "+1 202 555 0100", "08123", "08123456789012345", "08１２34567890", "x"],
)
def test_what_is_no_mobile_number_is_none(written: str) -> None:
    assert mobile(written) is None
