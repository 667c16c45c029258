"""QRIS texts (EMVCo merchant-presented QR): what is composed is parsed again, and every altered text is refused."""

import re
import string
from binascii import crc_hqx
from dataclasses import replace

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gerbang.domain.emv import CRITERIA, MalformedQr, MerchantAccount, compose, fold, parse

# The sample of the EMVCo merchant-presented specification: Chinese characters, and not a QRIS merchant.
EMVCO = (
    "00020101021229300012D156000000000510A93FO3230Q31280012D15600000001030812345678520441115802CN5914BEST TRANSPORT"
    "6007BEIJING64200002ZH0104最佳运输0202北京540523.7253031565502016233030412340603***0708A60086670902ME91320016"
    "A0112233449988770708123456786304A13A"
)
# Made-up merchants with institution numbers that are not assigned; the last one has a PAN of 19 digits.
STATIC = (
    "00020101021126650016ID.CO.CONTOH.WWW01189360099000000123450212MID0000123450303UMI51440014ID.CO.QRIS.WWW0215"
    "ID10990000123450303UMI5204581453033605802ID5913WARUNG CONTOH6007BANDUNG61054011162070703T016304E973"
)
DYNAMIC = (
    "00020101021226650016ID.CO.CONTOH.WWW01189360099000000123450212MID0000123450303UMI51440014ID.CO.QRIS.WWW0215"
    "ID10990000123450303UMI5204581453033605405275005802ID5913WARUNG CONTOH6007BANDUNG61054011162240513INV20250701A1"
    "0703T016304D4BA"
)
LONG_PAN = (
    "00020101021126620014COM.GO-JEK.WWW011993600914123456789010210G1234567890303UMI51440014ID.CO.QRIS.WWW0215"
    "ID10200123456780303UMI5204581253033605802ID5911TOKO CONTOH6007JAKARTA61051011062120708KASIR-0163043ACC"
)
WARUNG = MerchantAccount(
    acquirer="ID.CO.CONTOH.WWW",
    pan="936009900000012345",
    merchant_id="MID000012345",
    criteria="UMI",
    nmid="ID1099000012345",
    mcc="5814",
    name="WARUNG CONTOH",
    city="BANDUNG",
    postcode="40111",
    terminal="T01",
)


# -- samples ---------------------------------------------------------------------------------------------------------


def test_a_static_code_is_composed_exactly() -> None:
    assert compose(WARUNG) == STATIC


def test_a_dynamic_code_is_composed_exactly() -> None:
    assert compose(WARUNG, amount=27_500_00, reference="INV20250701A1") == DYNAMIC


def test_the_emvco_sample_is_parsed_with_lengths_in_characters_and_a_crc_over_bytes() -> None:
    fields = parse(EMVCO)
    assert fields["64-01"] == "最佳运输"
    assert fields["29-05"] == "A93FO3230Q"
    assert fields["62-07"] == "A6008667"
    assert fields["91"] == "0016A011223344998877070812345678"
    assert fields.amount == 23_72


@pytest.mark.parametrize(
    ("text", "amount", "pan", "name"),
    [
        (STATIC, None, "936009900000012345", "WARUNG CONTOH"),
        (DYNAMIC, 27_500_00, "936009900000012345", "WARUNG CONTOH"),
        (LONG_PAN, None, "9360091412345678901", "TOKO CONTOH"),
    ],
)
def test_qris_texts_are_parsed_and_pass_the_national_rules(text: str, amount: int | None, pan: str, name: str) -> None:
    fields = parse(text, strict=True)
    assert (fields.amount, fields["26-01"], fields["59"]) == (amount, pan, name)
    assert fields.get("62-01") is None
    assert "62-07" in fields


def test_the_objects_are_parsed_in_the_order_of_the_text() -> None:
    assert [tag for tag in parse(DYNAMIC).values if not tag.endswith(("-00", "-01", "-02", "-03"))] == (
        ["00", "01", "52", "53", "54", "58", "59", "60", "61", "62-05", "62-07", "63"]
    )


# -- composed and parsed again----------------------------------------------------------------------------------------

PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F))
WRITABLE = PRINTABLE.replace("|", "")


def writable(length_max: int) -> st.SearchStrategy[str]:
    return st.text(WRITABLE, min_size=1, max_size=length_max)


LABELS = st.text(PRINTABLE, max_size=25)
AMOUNTS = st.none() | st.integers(1, 9_999_999_999_99) | st.integers(1, 9_999_999).map(lambda rupiah: rupiah * 100)
ACCOUNTS = st.builds(
    MerchantAccount,
    acquirer=st.text(PRINTABLE, min_size=1, max_size=32),
    pan=st.from_regex("9360[0-9]{14,15}", fullmatch=True),
    merchant_id=writable(15),
    criteria=st.sampled_from(CRITERIA),
    nmid=st.text(string.ascii_uppercase + string.digits, min_size=1, max_size=15),
    mcc=st.from_regex("[0-9]{4}", fullmatch=True),
    name=writable(25).filter(lambda name: not name.isspace()),
    city=writable(15).filter(lambda city: not city.isspace()),
    postcode=st.text(string.ascii_uppercase + string.digits, min_size=1, max_size=10),
    terminal=LABELS,
)


@given(ACCOUNTS, AMOUNTS, LABELS, LABELS)
def test_what_is_composed_is_parsed_again(
    account: MerchantAccount, amount: int | None, bill_number: str, reference: str
) -> None:
    text = compose(account, amount=amount, bill_number=bill_number, reference=reference)
    fields = parse(text, strict=True)
    assert text.isascii()
    assert len(text) <= 512
    assert fields["01"] == ("11" if amount is None else "12")
    assert fields.amount == amount
    read = MerchantAccount(
        acquirer=fields["26-00"],
        pan=fields["26-01"],
        merchant_id=fields["26-02"],
        criteria=fields["26-03"],
        nmid=fields["51-02"],
        mcc=fields["52"],
        name=fields["59"],
        city=fields["60"],
        postcode=fields["61"],
        terminal=fields.get("62-07") or "",
    )
    assert read == account
    assert (fields.get("62-01") or "", fields.get("62-05") or "") == (bill_number, reference)
    assert (fields["53"], fields["58"], fields["51-03"]) == ("360", "ID", account.criteria)


@pytest.mark.parametrize(
    ("amount", "written"),
    [(1, "0.01"), (1_00, "1"), (27_500_00, "27500"), (27_500_50, "27500.50"), (9_999_999_999_999_00, "9999999999999")],
)
def test_an_amount_is_written_in_rupiah_with_decimals_only_where_there_are_any(amount: int, written: str) -> None:
    assert parse(compose(WARUNG, amount=amount))["54"] == written


def test_a_code_without_labels_has_no_additional_data() -> None:
    fields = parse(compose(replace(WARUNG, terminal=""), amount=1_00), strict=True)
    assert not [tag for tag in fields.values if tag.startswith("62")]


def test_a_static_code_needs_an_nmid_and_a_dynamic_one_does_not() -> None:
    unregistered = replace(WARUNG, nmid="")
    assert "51-02" not in parse(compose(unregistered, amount=1_00), strict=True)
    with pytest.raises(MalformedQr, match=r"^Tag 51 "):
        compose(unregistered)


@pytest.mark.parametrize("amount", [0, -1, 10_000_000_000_00 + 1, 10_000_000_000_000_00])
def test_an_amount_that_tag_54_cannot_hold_is_refused(amount: int) -> None:
    with pytest.raises(MalformedQr, match=r"^Tag 54 "):
        compose(WARUNG, amount=amount)


@pytest.mark.parametrize("label", ["x" * 26, "naïve", "two\nlines", "٣"])
def test_a_label_that_tag_62_cannot_hold_is_refused(label: str) -> None:
    with pytest.raises(MalformedQr, match=r"^Tag 62-01 "):
        compose(WARUNG, amount=1_00, bill_number=label)
    with pytest.raises(MalformedQr, match=r"^Tag 62-05 "):
        compose(WARUNG, reference=label)


@pytest.mark.parametrize(
    ("field", "value", "tag"),
    [
        ("acquirer", "", "26-00"),
        ("acquirer", "X" * 33, "26-00"),
        ("pan", "93600990000001234", "26-01"),
        ("pan", "93600990000001234567", "26-01"),
        ("pan", "936109900000012345", "26-01"),
        ("pan", "9360099000000١2345", "26-01"),
        ("merchant_id", "X" * 16, "26-02"),
        ("merchant_id", "A|B", "26-02"),
        ("criteria", "BIG", "26-03"),
        ("nmid", "ID10990000123456", "51-02"),
        ("mcc", "581", "52"),
        ("city", "", "60"),
        ("city", "北京", "60"),
        ("postcode", "", "61"),
        ("terminal", "X" * 26, "62-07"),
    ],
)
def test_an_account_that_does_not_fit_into_a_code_is_refused(field: str, value: str, tag: str) -> None:
    with pytest.raises(MalformedQr) as refused:
        replace(WARUNG, **{field: value})
    assert refused.value.tag == tag


# -- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("Toko Serba Ada Sumber Rejeki", "Toko Serba Ada Sumber Rej"),
        ("Café Crème", "Cafe Creme"),
        ("Warung “Bu Tini” – Ny’s", 'Warung "Bu Tini" - Ny\'s'),
        ("Kopi|Teh", "Kopi Teh"),
        ("Toko\tBaru\r\n", "Toko Baru"),
        ("Bakso 🍜 Pak Kumis", "Bakso Pak Kumis"),
        ("Ｆｕｌｌ　Ｗｉｄｔｈ", "Full Width"),
        ("Warung  Makan Sederhanaku Jaya", "Warung Makan Sederhanaku"),
        ("北京", "MERCHANT"),
        ("|", "MERCHANT"),
        ("  ", "MERCHANT"),
        ("", "MERCHANT"),
        ("Starbucks ", "Starbucks "),
    ],
)
def test_a_name_is_reduced_to_the_characters_that_a_code_allows(name: str, printed: str) -> None:
    fields = parse(compose(replace(WARUNG, name=name)), strict=True)
    assert fields["59"] == printed


@given(st.text(max_size=60), st.integers(1, 25))
def test_a_reduced_name_is_allowed_or_empty_and_reducing_it_again_changes_nothing(text: str, length_max: int) -> None:
    folded = fold(text, length_max)
    assert len(folded) <= length_max
    assert set(folded) <= set(WRITABLE)
    assert not folded.isspace()
    assert fold(folded, length_max) == folded


# -- tampering --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [STATIC, DYNAMIC])
def test_every_change_of_one_ascii_character_is_refused(text: str) -> None:
    every = [
        text[:at] + chr(code) + text[at + 1 :]
        for at in range(len(text))
        for code in range(0x80)
        if chr(code) != text[at]
    ]
    assert len(every) == len(text) * 127
    assert [changed for changed in every if outcome(changed) == "read"] == []


def outcome(text: str) -> str:
    try:
        parse(text, strict=True)
    except MalformedQr as refused:
        return str(refused)
    return "read"


# Replacement characters: any of Unicode, lone surrogates, and digits of other scripts, which int() accepts as well.
REPLACEMENTS = st.one_of(
    st.characters(),
    st.characters(categories=["Nd"]),
    st.characters(categories=["Cs"]),
    st.characters(max_codepoint=126),
)


@given(ACCOUNTS, AMOUNTS, LABELS, st.data())
def test_every_change_of_one_character_is_refused(
    account: MerchantAccount, amount: int | None, reference: str, data: st.DataObject
) -> None:
    text = compose(account, amount=amount, reference=reference)
    at = data.draw(st.integers(0, len(text) - 1))
    character = data.draw(REPLACEMENTS)
    assume(character != text[at])
    with pytest.raises(MalformedQr):
        parse(text[:at] + character + text[at + 1 :])


def test_a_change_that_keeps_the_checksum_is_refused_for_its_characters() -> None:
    # One byte is replaced by three that give the same CRC-16.
    changed = DYNAMIC.replace("WARUNG", "\ue7d4ARUNG")
    assert crc_hqx(changed[:-4].encode(), 0xFFFF) == int(DYNAMIC[-4:], 16)
    with pytest.raises(
        MalformedQr, match=r"^Tag 59 \(merchant name\) holds a character that is not printable ASCII\.$"
    ):
        parse(changed)


@given(st.text(max_size=600))
@example("00020163041D3D")
@example("000201" + "6304" * 130)
def test_any_text_is_either_read_or_refused_in_one_sentence(text: str) -> None:
    assert re.fullmatch(r"read|Tag .+\.", outcome(text))
