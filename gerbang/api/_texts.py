"""Which characters texts may contain, for all dialects, and which texts count as absent."""

import re

TEXT = r"\A[^\x00-\x1f\x7f-\x9f\ud800-\udfff]*\Z"
LINES = r"\A[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]*\Z"
"""Text that may have several lines."""
URL = r"\A[A-Za-z][A-Za-z0-9+.-]*://[^\x00-\x20\x7f-\x9f\ud800-\udfff]+\Z"
EMAIL = r"\A[^\x00-\x20\x7f-\x9f\ud800-\udfff@]+@[^\x00-\x20\x7f-\x9f\ud800-\udfff@]+\Z"
DIGITS = r"\A[0-9]*\Z"
ALPHANUMERIC = r"\A[A-Za-z0-9 ]*\Z"
_CONTROLS = "must not have control characters, nor halves of surrogate pairs"
FORMS = {
    TEXT: _CONTROLS,
    LINES: _CONTROLS,
    URL: "must be an address such as https://shop.example/thanks",
    EMAIL: "must be an e-mail address",
    DIGITS: "must be digits",
    ALPHANUMERIC: "must be letters, digits and spaces",
}
"""The error for text that does not match a pattern."""


def is_blank(value: object) -> bool:
    """Whether a value is null, empty or white space: forms and shop programs send "" for absent values."""
    return value is None or (isinstance(value, str) and (not value or value.isspace()))


def is_unicode(text: str) -> bool:
    """False if the text has lone surrogates, which JSON can escape but UTF-8 cannot encode."""
    return text.isascii() or re.search("[\ud800-\udfff]", text) is None
