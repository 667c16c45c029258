"""Every word of the payer's page in Indonesian and English, from words.json and channels.json beside this file.

`{shop}`, `{amount}` and the like are filled in by the page.
"""

from collections.abc import Mapping
from importlib import resources

import msgspec

LANGUAGES = ("id", "en")
"""Indonesian first: it is spoken to whoever asks for neither."""

Texts = dict[str, dict[str, dict[str, str]]]


def _read(name: str) -> Texts:
    return msgspec.json.decode((resources.files("gerbang.web.checkout") / name).read_bytes(), type=Texts)


WORDS: Mapping[str, Mapping[str, str]] = {
    language: {key: texts[language] for section in _read("words.json").values() for key, texts in section.items()}
    for language in LANGUAGES
}

_CHANNELS = _read("channels.json")


def channel_words(channel: str, title: str, language: str) -> Mapping[str, str]:
    """What a channel is called to a buyer: title, hint, act and number, in a language.

    One that channels.json does not know goes by its own title and the words under "any".
    """
    texts = _CHANNELS["any"] | _CHANNELS.get(channel, {})
    return {"title": title} | {key: each[language] for key, each in texts.items()}


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
