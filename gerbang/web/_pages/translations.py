"""Texts of the pages in Indonesian and English, read from JSON files, and the choice of a language.

The page fills in placeholders such as `{shop}` and `{amount}`.
"""

from collections.abc import Mapping
from importlib import resources

import msgspec

LANGUAGES = ("id", "en")
"""Indonesian is first: it is the default."""

Sections = dict[str, dict[str, dict[str, str]]]
"""Section, key, language."""
Texts = Mapping[str, Mapping[str, str]]
"""Language, key."""


def sections(package: str, name: str) -> Sections:
    """A translations file of a package, as it is. Raises msgspec.ValidationError if its shape is wrong."""
    return msgspec.json.decode((resources.files(package) / name).read_bytes(), type=Sections)


def texts(package: str, name: str = "translations.json") -> Texts:
    """The texts of all sections of a file together."""
    by_section = sections(package, name).values()
    return {
        language: {key: each[language] for section in by_section for key, each in section.items()}
        for language in LANGUAGES
    }


def language_of(asked: str | None, accepted: str) -> str:
    """The language of a page: the `lang` of its URL, else the best of Accept-Language, else Indonesian."""
    if asked in LANGUAGES:
        return asked
    best, weight = LANGUAGES[0], 0.0
    for entry in accepted[:500].split(","):
        tag, _, parameter = entry.strip().partition(";")
        language = tag.strip().lower().partition("-")[0]
        try:
            q = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        # Some browsers still send "in", the code of Indonesian before 1989.
        language = "id" if language == "in" else language
        if language in LANGUAGES and q > weight:
            best, weight = language, q
    return best
