"""The bank's own signing, by published signatures: github.com/Midtrans/SNAP-BI-Signature-Demo, and one vector of ours."""

import json

import pytest

from gerbang.bank_simulator import signing

PUBLIC_KEY = """\
-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAlWbtlh3eM+bW3n5AFj42
wddC4L7tQqbLiCFbTv8K67yng9iwK5mEn+UMXiRhvB2JVWFafCPPxFamsiVG3Mjn
eGjC0BYgmpmw4qXnAnyO3nCdCuPtmZ3ljhKvSTPdWZxrcLi1Xa9V/+Pzb8hrjb5i
wMn6SZFNeMmZYgFKiSeueo6TPln2PoTqXCzs1HtsM8eUVe8GAsjJe/3dYl992nyX
OpG21GgNu8o5T3WOptPg6GdDTWkTWUu483yRbVVy04Pz4L8DDZTDv+WcsAViDn1r
A/jB1Auj/UGKx2ovGcBH/a/hor5TbABbODU6cPTHT54K3sSZtvZNV4eFDB1f/4wd
fwIDAQAB
-----END PUBLIC KEY-----
"""
TOKEN_SIGNATURE = (
    "WzW49tYIgKIBmBi/gVBHGLAkhEaZlXM11zcZxAiyHji6TLPjPbwLu3Z45it25AIeG0XDItcdTSkds47zFEMh6IP0PXPIP1+Ey4Rm"
    "X/o2fuYRF/xBHvfvKnMmANMTS1axsXBSW3EHqYpbVrkCcqNnB3u+wu63us9WIhRZaWgxgQ2PJLaiVHIwgu9u7jxkWX7Bg4rerZH3"
    "RKdQfIJAAJsSN13efR7VdSAyzU7QaKjgislxrLqmesYNJkbD03XLjHdo6YWuzAVV7xdZRpLiGkIAkW7luXTBZYBO+4oENZAPQYzr"
    "LeN1qRY1Sr7BgLONCA2QA26BB6SYW4R7qofS9+RyOQ=="
)
BODY_WITH_TOKEN = (
    '{"partnerReferenceNo":"2020102900000000000001","amount":{"value":"12345678.00","currency":"IDR"},"fe'
    'eAmount":{"value":"12345678.00","currency":"IDR"},"merchantId":"00007100010926","terminalId":"213141'
    '251124","validityPeriod":"2009-07-03T12:08:56-07:00"}'
)
NOTIFICATION = (
    '{"originalPartnerReferenceNo":"GP24043015193402809","originalReferenceNo":"A120240430081940S9vu8gSja'
    'RID","merchantId":"G099333790","amount":{"value":"102800.00","currency":"IDR"},"latestTransactionSta'
    'tus":"00","transactionStatusDesc":"SUCCESS","additionalInfo":{"refundHistory":[]}}'
)
NOTIFICATION_SIGNATURE = (
    "RoJnP2tH/YiOhHM/lMVBMSAuzRmS8VrWdIy04Qqyb56daV7oWFMFoMMzqnjQ+q0MIUalYgU094GWQnCx2c29xb1kkqHhv2+iJ9xl"
    "6NjGmFGYqyvcKvUDAV83Y1Mw9JnsEcjcupdGw9/MRv/mm2GMrQ+BCZGfc4a46JDyPZbcY294vDGqs5rFBN6iYer5ro4cAQGo9hET"
    "2G82Y+j50vCyO/79GFE4vB1rvtu6PK2Bxi+vTYV8k7P7PS8tOPWM2O+kjiVWjwvLR99Botou+a8sxlQqZaihfWMKcByzV+Lgkr9c"
    "ptpjys+1NIRWT1ad/sJBSLHyldzC3q2oRn5z5oZmyg=="
)
OURS = (
    '{"partnerServiceId":"   98765","customerNo":"0001234567","virtualAccountNo":"   987650001234567","ch'
    'annelCode":6011,"inquiryRequestId":"INQ-20250701-0001","additionalInfo":{"note":"Kopi susu & roti / '
    'café"}}'
)


def test_a_published_signature_of_a_token_request_fits() -> None:
    key = signing.read_public(PUBLIC_KEY)
    text = signing.token_text("G1234325-SNAP", "2024-03-01T08:27:49.024Z")
    assert signing.key_fits(key, text, TOKEN_SIGNATURE)
    assert not signing.key_fits(key, text + b" ", TOKEN_SIGNATURE)
    assert not signing.key_fits(key, text, TOKEN_SIGNATURE.swapcase())


def test_a_published_signature_with_a_token_is_made() -> None:
    text = signing.call_text(
        "post", "/v1.0/qr/qr-mpm-generate", BODY_WITH_TOKEN.encode(), "2024-03-05T10:37:16.196Z", "myaccesstoken"
    )
    made = signing.by_secret("myclientsecret", text)
    assert made == "wmzT7yjg1SxxCsxNsFgCR9SYXiZGGbceF6fV8xe97sAMHxZ+7OEBMIBmvb6Sj6GcksGp3iv77DiomgSbcST3XQ=="
    assert signing.secret_fits("myclientsecret", text, made)
    assert not signing.secret_fits("myclientsecret", text, made.lower())


def test_a_published_signature_without_a_token_fits() -> None:
    text = signing.call_text("POST", "/v1.0/debit/notify", NOTIFICATION.encode(), "2024-05-02T14:43:08+07:00", None)
    assert signing.key_fits(signing.read_public(PUBLIC_KEY), text, NOTIFICATION_SIGNATURE)


def test_blanks_inside_a_text_are_signed_and_others_are_not() -> None:
    stamp, path = "2025-07-01T09:15:00+07:00", "/snap/v1.0/transfer-va/inquiry"
    spaced = json.dumps(json.loads(OURS), ensure_ascii=False, indent=3).encode()
    assert signing.minified(spaced) == OURS.encode()
    assert signing.body_hash(spaced) == "1c197ca9272b075e28dae7012fad0041d266621546d51a057338011604e165b3"
    made = signing.by_secret("kunci-uji-01", signing.call_text("POST", path, spaced, stamp, "tkn-7f3a"))
    assert made == "g24QX2cTwob5AMh2M/c36sB28dLcTh69XkjsIRRCj6y3TmObSd7VwTb5E3UTCgNelBv5y/G9Oe1BwkuNhtLeEw=="


@pytest.mark.parametrize("text", ['{"a": "\\\\" , "b": " \\" x "}', '{ "a" : [ 1 , "  2" ] }', "", '"  "'])
def test_what_is_minified_says_the_same(text: str) -> None:
    short = signing.minified(text.encode()).decode()
    assert (json.loads(short) if text else short) == (json.loads(text) if text else "")
    assert len(short) <= len(text)


def test_a_body_that_is_not_there_is_hashed_as_an_empty_one() -> None:
    assert signing.body_hash(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_letters_are_not_taken_for_the_others() -> None:
    text = b"text"
    made = signing.by_secret("secret", text, "hex")
    assert len(made) == 128
    assert signing.secret_fits("secret", text, made, "hex")
    assert not signing.secret_fits("secret", text, made)
    key = signing.new_key()
    written = signing.by_key(key, text, "hex")
    assert signing.key_fits(signing.read_public(signing.public_pem(key)), text, written, "hex")
    assert not signing.key_fits(signing.read_public(signing.public_pem(key)), text, "no letters at all")


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("2025-07-01T09:15:00+07:00", True),
        ("2025-07-01T02:15:00.123Z", True),
        ("2025-07-01T02:15:00-00:00", True),
        ("2025-07-01 09:15:00+07:00", False),
        ("2025-07-01T09:15:00", False),
        ("yesterday", False),
        ("", False),
    ],
)
def test_a_timestamp_has_a_date_a_time_and_a_zone(text: str, reads: bool) -> None:
    assert (signing.read_stamp(text) is not None) == reads
