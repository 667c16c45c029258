"""Texts as every dialect reads them: what may stand in them, and which are the same as nothing."""

import re

TEXT = r"\A[^\x00-\x1f\x7f-\x9f\ud800-\udfff]*\Z"
LINES = r"\A[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]*\Z"
"""Of text that may have several lines."""
URL = r"\A[A-Za-z][A-Za-z0-9+.-]*://[^\x00-\x20\x7f-\x9f\ud800-\udfff]+\Z"
EMAIL = r"\A[^\x00-\x20\x7f-\x9f\ud800-\udfff@]+@[^\x00-\x20\x7f-\x9f\ud800-\udfff@]+\Z"
DIGITS = r"\A[0-9]*\Z"
_CONTROLS = "must not have control characters, nor halves of surrogate pairs"
FORMS = {
    TEXT: _CONTROLS,
    LINES: _CONTROLS,
    URL: "must be an address such as https://shop.example/thanks",
    EMAIL: "must be an e-mail address",
    DIGITS: "must be digits",
}
"""What is wrong with text that does not match a pattern."""


def is_blank(value: object) -> bool:
    """Whether a value says nothing: forms and shop programs send empty text for what they leave out."""
    return value is None or (isinstance(value, str) and (not value or value.isspace()))


def is_unicode(text: str) -> bool:
    """False for half a character, which JSON can write and no answer can hold."""
    return text.isascii() or re.search("[\ud800-\udfff]", text) is None
