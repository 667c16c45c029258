"""Words of pages in Indonesian and English, from JSON files beside the code that says them; and which of the two to speak.

`{shop}`, `{amount}` and the like are filled in by the page.
"""

from collections.abc import Mapping
from importlib import resources

import msgspec

LANGUAGES = ("id", "en")
"""Indonesian first: it is spoken to whoever asks for neither."""

Texts = dict[str, dict[str, dict[str, str]]]
Words = Mapping[str, Mapping[str, str]]


def texts(package: str, name: str) -> Texts:
    """The file of a package as it is: sections of texts by language."""
    return msgspec.json.decode((resources.files(package) / name).read_bytes(), type=Texts)


def words(package: str, name: str = "translations.json") -> Words:
    """All sections of a file together, by language."""
    sections = texts(package, name).values()
    return {
        language: {key: each[language] for section in sections for key, each in section.items()}
        for language in LANGUAGES
    }


def language_of(asked: str | None, accepted: str) -> str:
    """The language of a page: as the link asks, else the best of the browser's Accept-Language, else Indonesian."""
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
        # Browsers may still send Indonesian under its code of before 1989.
        language = "id" if language == "in" else language
        if language in LANGUAGES and q > weight:
            best, weight = language, q
    return best
