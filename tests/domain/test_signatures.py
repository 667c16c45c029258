"""Callback signatures match the published test vectors, and no altered delivery is verified."""

import pytest

from gerbang.domain import signatures

# The test vector of the Standard Webhooks reference libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = "msg_p5jXN8AQM9LWM0D4loKWxJek"
SENT_AT = 1_614_265_330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
HEADERS = {"webhook-id": MESSAGE, "webhook-timestamp": str(SENT_AT), "webhook-signature": SIGNATURE}
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def test_the_published_standard_webhooks_vector_is_reproduced() -> None:
    assert signatures.standard_webhooks(SECRET, MESSAGE, SENT_AT, BODY) == SIGNATURE


def test_the_v4_dialects_published_vector_is_reproduced() -> None:
    signature = signatures.hex_hmac_sha256("ss_5572cf13d099", b'{"id":"contract_12345678"}')
    assert signature == "6b79486fadb4b37c3020f47a868de02d953c96609041015c0e1dd415fc9f29b2"


def test_a_delivery_as_it_was_sent_is_verified() -> None:
    assert signatures.verify_standard_webhooks([SECRET], HEADERS, BODY, now=SENT_AT)


def test_header_names_are_case_insensitive() -> None:
    upper_case = {name.upper(): value for name, value in HEADERS.items()}
    assert signatures.verify_standard_webhooks([SECRET], upper_case, BODY, now=SENT_AT)


def test_during_a_secret_rotation_either_secret_and_either_signature_verifies() -> None:
    old = signatures.standard_webhooks(OTHER_SECRET, MESSAGE, SENT_AT, BODY)
    both = HEADERS | {"webhook-signature": f"v1a,bm90IG91cnM= {old} {SIGNATURE}"}
    assert signatures.verify_standard_webhooks([SECRET], both, BODY, now=SENT_AT)
    assert signatures.verify_standard_webhooks([OTHER_SECRET], both, BODY, now=SENT_AT)
    assert signatures.verify_standard_webhooks([OTHER_SECRET, SECRET], HEADERS, BODY, now=SENT_AT)


@pytest.mark.parametrize(
    ("change", "body"),
    [
        ({}, BODY + b" "),
        ({"webhook-id": "msg_other"}, BODY),
        ({"webhook-timestamp": str(SENT_AT + 1)}, BODY),
        ({"webhook-signature": SIGNATURE.replace("v1,", "v2,")}, BODY),
        ({"webhook-signature": SIGNATURE.removeprefix("v1,")}, BODY),
        ({"webhook-signature": ""}, BODY),
        ({"webhook-signature": "v1,tänd"}, BODY),
        ({"webhook-id": ""}, BODY),
        ({"webhook-timestamp": ""}, BODY),
        ({"webhook-timestamp": "soon"}, BODY),
        ({"webhook-timestamp": "-1614265330"}, BODY),
        ({"webhook-timestamp": "1" * 5000}, BODY),
    ],
)
def test_an_altered_delivery_is_not_verified(change: dict[str, str], body: bytes) -> None:
    assert not signatures.verify_standard_webhooks([SECRET], HEADERS | change, body, now=SENT_AT)


def test_a_delivery_with_a_missing_header_is_not_verified() -> None:
    for name in HEADERS:
        rest = {key: value for key, value in HEADERS.items() if key != name}
        assert not signatures.verify_standard_webhooks([SECRET], rest, BODY, now=SENT_AT)


def test_another_secret_or_no_secret_verifies_nothing() -> None:
    assert not signatures.verify_standard_webhooks([OTHER_SECRET], HEADERS, BODY, now=SENT_AT)
    assert not signatures.verify_standard_webhooks([], HEADERS, BODY, now=SENT_AT)


@pytest.mark.parametrize(("seconds", "verified"), [(300, True), (-300, True), (301, False), (-301, False)])
def test_a_delivery_more_than_300_s_old_or_early_is_not_verified(seconds: int, verified: bool) -> None:
    assert signatures.verify_standard_webhooks([SECRET], HEADERS, BODY, now=SENT_AT + seconds) is verified


def test_a_message_id_with_a_full_stop_is_refused() -> None:
    with pytest.raises(ValueError, match="full stop"):
        signatures.standard_webhooks(SECRET, "msg.1", SENT_AT, BODY)


@pytest.mark.parametrize("secret", ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_not*base64", "whsec_abc"])
def test_a_malformed_secret_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match=r"secret|base64"):
        signatures.standard_webhooks(secret, MESSAGE, SENT_AT, BODY)
