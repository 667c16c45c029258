"""QRIS texts that must be refused: texts that are not well-formed, and texts that break the national rules."""

from binascii import crc_hqx

import pytest

from gerbang.domain.emv import MalformedQr, parse

# A made-up merchant with an institution number that is not assigned.
STATIC = (
    "00020101021126650016ID.CO.CONTOH.WWW01189360099000000123450212MID0000123450303UMI51440014ID.CO.QRIS.WWW0215"
    "ID10990000123450303UMI5204581453033605802ID5913WARUNG CONTOH6007BANDUNG61054011162070703T016304E973"
)
DYNAMIC = (
    "00020101021226650016ID.CO.CONTOH.WWW01189360099000000123450212MID0000123450303UMI51440014ID.CO.QRIS.WWW0215"
    "ID10990000123450303UMI5204581453033605405275005802ID5913WARUNG CONTOH6007BANDUNG61054011162240513INV20250701A1"
    "0703T016304D4BA"
)


def with_checksum(*objects: tuple[str, str]) -> str:
    """A QR text of these objects with a correct checksum."""
    unsigned = "".join(f"{tag}{len(value):02}{value}" for tag, value in objects) + "6304"
    return f"{unsigned}{crc_hqx(unsigned.encode(), 0xFFFF):04X}"


def rewritten(text: str, changes: dict[str, str | None]) -> str:
    """The same QR text with top-level objects changed, added (before the checksum) or left out (None)."""
    objects: dict[str, str] = {}
    at = 0
    while at < len(text) - 8:
        length = int(text[at + 2 : at + 4])
        objects[text[at : at + 2]] = text[at + 4 : at + 4 + length]
        at += 4 + length
    kept = {tag: value for tag, value in (objects | changes).items() if value is not None}
    return with_checksum(*kept.items())


# -- structure --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", r"^Tag 00 \(payload format\) must come first and say 01\.$"),
        ("https://example.com/pay", "^Tag 00 .* must come first"),
        (with_checksum(("01", "12"), ("00", "01")), "^Tag 00 .* must come first"),
        (with_checksum(("00", "02")), "^Tag 00 .* say 01"),
        ("000201", "^Tag 63 .* must come last"),
        (DYNAMIC + " ", "^Tag 63 .* must come last"),
        (DYNAMIC[:-4] + "d4ba", "^Tag 63 .* says 'd4ba' but the text amounts to 'D4BA'"),
        (DYNAMIC.replace("27500", "17500"), "^Tag 63 .* says 'D4BA'"),
        (rewritten(DYNAMIC, {"80": "x" * 99, "81": "x" * 99, "82": "x" * 99}), "^Tag 00 .* more than 512"),
        (
            with_checksum(("00", "01"), ("59", "A"), ("60", "B"), ("59", "C")),
            r"^Tag 59 \(merchant name\) stands twice\.$",
        ),
        (with_checksum(("00", "01"), ("26", "0001A0001B")), "^Tag 26-00 .* stands twice"),
        (with_checksum(("00", "01"), ("26", "0009A")), "^Tag 26-00 .* states 9 characters, but only 1 follow"),
        (with_checksum(("00", "01"), ("62", "hello")), "^Tag 62 .* 'he' where a two-digit tag belongs"),
        (with_checksum(("00", "01"), ("59", "")), "^Tag 59 .* states '00' as its length"),
        (with_checksum(("00", "01")).replace("6304", "59+16304"), "^Tag 63 .* says"),
        (with_checksum(("00", "01"), ("63", "ABCD")), "^Tag 63 .* stands twice"),
        (with_checksum(("00", "01"), ("60", "A\u00e9")), "^Tag 60 .* not printable ASCII"),
        (with_checksum(("00", "01"), ("60", "A\x00")), "^Tag 60 .* not printable ASCII"),
        ("000201\ud8006304ABCD", "^Tag 63 .* not valid Unicode"),
    ],
)
def test_a_malformed_text_is_refused_and_the_message_names_the_tag(text: str, sentence: str) -> None:
    with pytest.raises(MalformedQr, match=sentence):
        parse(text)


@pytest.mark.parametrize("length", ["+1", " 1", "1_", "٠١", "1.", "-1"])
def test_a_length_is_two_ascii_digits(length: str) -> None:
    unsigned = f"00020159{length}A6304"
    text = f"{unsigned}{crc_hqx(unsigned.encode(), 0xFFFF):04X}"
    with pytest.raises(MalformedQr, match=r"^Tag 59 .* as its length"):
        parse(text)


def test_a_value_that_ends_like_a_checksum_object_is_not_taken_for_one() -> None:
    # The last eight characters belong to the value of tag 59; their four digits are the correct CRC.
    unsigned = "0002015912ABCD6304"
    text = f"{unsigned}{crc_hqx(unsigned.encode(), 0xFFFF):04X}"
    with pytest.raises(MalformedQr, match=r"^Tag 63 \(checksum\) must come last\.$"):
        parse(text)


# -- the national rules -----------------------------------------------------------------------------------------------

ACCOUNT = "0016ID.CO.CONTOH.WWW01189360099000000123450212MID0000123450303UMI"


@pytest.mark.parametrize(
    ("changes", "tag"),
    [
        ({"01": "13"}, "01"),
        ({"51": None}, "51"),
        ({"26": None, "51": None}, "51"),
        ({"51": "0014ID.CO.QRIS.WWW0303UMI"}, "51-02"),
        ({"26": ACCOUNT.replace("UMI", "XXX")}, "26-03"),
        ({"26": "0016ID.CO.CONTOH.WWW0212MID000012345"}, "26-01"),
        ({"26": "0016ID.CO.CONTOH.WWW01209360099000000123456702011"}, "26-01"),
        ({"26": "0016ID.CO.CONTOH.WWW011893600990000001234502051|234"}, "26-02"),
        ({"26": "0016ID.CO.CONTOH.WWW0118936009900000012345"}, "26-02"),
        ({"52": "581"}, "52"),
        ({"52": None}, "52"),
        ({"53": "156"}, "53"),
        ({"53": None}, "53"),
        ({"54": "0"}, "54"),
        ({"54": "0.00"}, "54"),
        ({"54": "-1"}, "54"),
        ({"54": "1,000"}, "54"),
        ({"54": "1.000.000"}, "54"),
        ({"54": "1.005"}, "54"),
        ({"54": "12345678901234"}, "54"),
        ({"54": ".50"}, "54"),
        ({"55": "04"}, "55"),
        ({"55": "02"}, "56"),
        ({"55": "03"}, "57"),
        ({"56": "500"}, "56"),
        ({"55": "03", "57": "00.00"}, "57"),
        ({"55": "03", "57": "100"}, "57"),
        ({"58": "SG"}, "58"),
        ({"59": "X" * 26}, "59"),
        ({"59": "A|B"}, "59"),
        ({"59": None}, "59"),
        ({"60": "X" * 16}, "60"),
        ({"61": None}, "61"),
        ({"61": "X" * 11}, "61"),
        ({"62": "0126" + "X" * 26}, "62-01"),
        ({"62": "0902AA"}, "62-09"),
    ],
)
def test_a_text_that_breaks_a_national_rule_is_refused_only_in_strict_mode(
    changes: dict[str, str | None], tag: str
) -> None:
    text = rewritten(STATIC, changes)
    parse(text)
    with pytest.raises(MalformedQr, match=f"^Tag {tag} ") as refused:
        parse(text, strict=True)
    assert refused.value.tag == tag


@pytest.mark.parametrize(
    "changes",
    [
        {"55": "01"},
        {"55": "02", "56": "500"},
        {"55": "03", "57": "10.5"},
        {"62": "0903AME"},
        {"62": "0103***"},
        {"02": "4123456789012345"},
        {"26": ACCOUNT.replace("0303UMI", "")},
        {"26": ACCOUNT.replace("0016ID.CO.CONTOH.WWW", "000200")},
        {"01": None},
        {"99": "whatever: 最佳"},
    ],
)
def test_a_text_that_the_national_rules_allow_is_parsed(changes: dict[str, str | None]) -> None:
    parse(rewritten(STATIC, changes), strict=True)


def test_an_invalid_amount_is_refused_when_the_amount_is_read() -> None:
    fields = parse(rewritten(STATIC, {"54": "abc"}))
    with pytest.raises(MalformedQr, match=r"^Tag 54 "):
        _ = fields.amount


def test_the_objects_between_the_first_and_the_last_may_be_in_any_order() -> None:
    assert parse(rewritten(DYNAMIC, {"54": None}), strict=True).amount is None
    later = rewritten(rewritten(DYNAMIC, {"54": None}), {"54": "27500"})
    assert later.index("540527500") > later.index("610540111")
    assert parse(later, strict=True).amount == 27_500_00


@pytest.mark.parametrize(
    ("written", "amount"), [("1000", 1000_00), ("1000.", 1000_00), ("1000.5", 1000_50), ("01000.00", 1000_00)]
)
def test_every_valid_format_of_an_amount_is_parsed(written: str, amount: int) -> None:
    assert parse(rewritten(DYNAMIC, {"54": written}), strict=True).amount == amount
