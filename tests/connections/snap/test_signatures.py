"""The standard's signatures: every published one is verified, and nothing but exactly the right one."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gerbang.connections.snap import bodies, signatures
from gerbang.connections.snap.signatures import body_hash, call_string, is_signed_hmac, is_signed_rsa, token_string
from tests.support import snap_vectors as vectors

DEBIT = "/v1.0/debit/notify"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
PADDED_TEXT = call_string(
    "post", "/snap/v1.0/transfer-va/inquiry", vectors.PADDED_HASH, "2025-07-01T09:15:00+07:00", vectors.PADDED_TOKEN
)


def test_a_published_token_request_is_verified() -> None:
    texts = [token_string("G1234325-SNAP", "2024-03-01T08:27:49.024Z")]
    assert is_signed_rsa([vectors.public_key()], texts, vectors.TOKEN_SIGNATURE)
    assert not is_signed_rsa([vectors.public_key()], [texts[0] + b" "], vectors.TOKEN_SIGNATURE)


def test_a_published_transaction_is_verified() -> None:
    assert body_hash(vectors.HMAC_BODY) == "01463f60dbb6ca538581579dd95b31c8ba9fc6600eca750e4d8460ca4e402111"
    text = call_string(
        "POST", "/v1.0/qr/qr-mpm-generate", body_hash(vectors.HMAC_BODY), "2024-03-05T10:37:16.196Z", "myaccesstoken"
    )
    assert signatures.sign_hmac("myclientsecret", text) == vectors.HMAC_SIGNATURE
    assert is_signed_hmac("myclientsecret", [text], vectors.HMAC_SIGNATURE)


def test_published_notifications_without_a_token_are_verified() -> None:
    hashed = body_hash(bodies.minified(vectors.NOTIFY_BODY))
    assert hashed == "79ebbe6a6b695262dd686d0dedafc57c94e3b3dededf8d63971f8a95699ace85"
    first = call_string("POST", DEBIT, hashed, "2024-05-02T14:43:08+07:00")
    second = call_string("POST", DEBIT, vectors.SECOND_NOTIFY_HASH, "2024-03-05T10:37:16.196Z")
    assert is_signed_rsa([vectors.public_key()], [first], vectors.NOTIFY_SIGNATURE)
    assert is_signed_rsa([vectors.public_key()], [second], vectors.SECOND_NOTIFY_SIGNATURE)
    assert not is_signed_rsa([vectors.public_key()], [second], vectors.NOTIFY_SIGNATURE)


def test_a_padded_body_is_signed_in_both_encodings() -> None:
    assert body_hash(bodies.minified(vectors.PADDED_BODY)) == vectors.PADDED_HASH
    assert signatures.sign_hmac(vectors.PADDED_SECRET, PADDED_TEXT) == vectors.PADDED_SIGNATURE
    assert signatures.sign_hmac(vectors.PADDED_SECRET, PADDED_TEXT, "hex") == vectors.PADDED_SIGNATURE_HEX
    for signature in (vectors.PADDED_SIGNATURE, vectors.PADDED_SIGNATURE_HEX, vectors.PADDED_SIGNATURE_HEX.upper()):
        assert is_signed_hmac(vectors.PADDED_SECRET, [PADDED_TEXT], signature)


def test_white_space_between_parts_is_not_signed_and_that_in_texts_is() -> None:
    spaced = json.dumps(json.loads(vectors.PADDED_BODY), ensure_ascii=False, indent=2).encode()
    assert bodies.minified(spaced) == vectors.PADDED_BODY
    assert b'"   98765"' in bodies.minified(spaced)


def test_a_body_signed_with_other_escapes_is_found_where_a_profile_allows_it() -> None:
    def hashes(**habits: bool) -> list[str]:
        return [body_hash(form) for form in bodies.as_signed(vectors.PADDED_BODY, **habits)]

    assert hashes(reencoded=False) == [vectors.PADDED_HASH]
    assert {vectors.PADDED_HASH_OF_PYTHON, vectors.PADDED_HASH_OF_PHP} <= set(hashes())
    assert vectors.PADDED_HASH_STRIPPED not in hashes()
    assert vectors.PADDED_HASH_STRIPPED in hashes(stripped=True)
    assert len(set(hashes(stripped=True))) == len(hashes(stripped=True))


def test_no_body_is_the_hash_of_nothing() -> None:
    assert [body_hash(form) for form in bodies.as_signed(b"")] == [EMPTY]


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "=" * 88,
        "A" * 88,
        "A" * 128,
        "é" * 88,
        "zz" * 64,
        vectors.PADDED_SIGNATURE.lower(),
        vectors.PADDED_SIGNATURE.swapcase(),
        vectors.PADDED_SIGNATURE + "\n",
        vectors.PADDED_SIGNATURE.replace("==", "Q="),
        vectors.PADDED_SIGNATURE[:-3] + "x==",
        " " + vectors.PADDED_SIGNATURE[1:],
        base64.b64encode(vectors.PADDED_SIGNATURE.encode()).decode(),
        vectors.PADDED_SIGNATURE_HEX[:-1] + " ",
        vectors.PADDED_SIGNATURE_HEX[:4].upper() + vectors.PADDED_SIGNATURE_HEX[4:],
        vectors.PADDED_SIGNATURE_HEX[:4] + vectors.PADDED_SIGNATURE_HEX[4:].upper(),
        "0x" + vectors.PADDED_SIGNATURE_HEX[2:],
        vectors.PADDED_SIGNATURE * 1000,
    ],
)
def test_only_the_exact_signature_is_good(signature: str) -> None:
    assert not is_signed_hmac(vectors.PADDED_SECRET, [PADDED_TEXT], signature)
    assert not is_signed_rsa([vectors.public_key()], [PADDED_TEXT], signature)


@given(st.text(max_size=400))
def test_a_signature_of_any_text_is_simply_not_good(signature: str) -> None:
    assert not is_signed_hmac(vectors.PADDED_SECRET, [PADDED_TEXT], signature)
    assert not is_signed_rsa([vectors.public_key()], [PADDED_TEXT], signature)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    ),
    st.sampled_from([None, 0, 2, "\t"]),
)
def test_minifying_says_the_same_and_is_what_a_compact_writer_writes(value: object, indent: int | str | None) -> None:
    for ascii_only in (True, False):
        spaced = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
        compact = json.dumps(value, separators=(",", ":"), ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
        assert bodies.minified(spaced) == compact


@given(st.binary(max_size=300))
def test_minifying_takes_any_bytes_and_does_not_change_its_own_result(body: bytes) -> None:
    assert bodies.minified(bodies.minified(body)) == bodies.minified(body)
    assert all(isinstance(form, bytes) for form in bodies.as_signed(body, stripped=True))


@given(st.dictionaries(st.text(), st.recursive(st.none() | st.booleans() | st.text(), st.lists, max_leaves=5)))
def test_an_answer_is_written_compactly_and_is_its_own_minified_form(answer: dict[str, object]) -> None:
    written = bodies.written(answer)
    assert written == json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()
    assert bodies.minified(written) == written


def test_the_body_as_it_was_sent_is_the_first_that_may_have_been_signed() -> None:
    spaced = json.dumps(json.loads(vectors.PADDED_BODY), ensure_ascii=False, indent=2).encode()
    sent, small, *_ = bodies.as_signed(spaced)
    assert (sent, small) == (spaced, vectors.PADDED_BODY)


def test_minifying_takes_one_pass_however_a_body_is_made() -> None:
    for body in (b'"\\' * 200_000, b'{"' + b'\\"' * 200_000, b" " * 400_000, b'"' * 400_001):
        assert len(bodies.minified(body)) <= len(body)
