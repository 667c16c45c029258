"""The words of the payer's page and of the channels on it, from translations.json and channels.json beside this file."""

from collections.abc import Mapping

from gerbang.web._pages import translations

WORDS = translations.words("gerbang.web.checkout")

_CHANNELS = translations.texts("gerbang.web.checkout", "channels.json")


def channel_words(channel: str, title: str, language: str, option: str = "") -> Mapping[str, str]:
    """What a channel is called to a buyer: title, hint, act, press, number and copy, in a language.

    `option` is what its bank, outlet or wallet is called. A channel that channels.json does not know goes by its own
    title and the words under "any".
    """
    texts = _CHANNELS["any"] | _CHANNELS.get(channel, {})
    return {"title": title} | {key: each[language].format(option=option) for key, each in texts.items()}
