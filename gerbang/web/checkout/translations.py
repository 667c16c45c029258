"""The texts of the payment page and of its channels, from translations.json and channels.json in this folder."""

from collections.abc import Mapping

from gerbang.web._pages import translations

TEXTS = translations.texts("gerbang.web.checkout")

_CHANNELS = translations.sections("gerbang.web.checkout", "channels.json")


def channel_texts(channel: str, title: str, language: str, option: str = "") -> Mapping[str, str]:
    """The texts of a channel in a language: title, hint, act, press, number and copy.

    `option` is the name of its bank, outlet or wallet. A channel that is not in channels.json gets its own `title` and
    the texts under "any".
    """
    texts = _CHANNELS["any"] | _CHANNELS.get(channel, {})
    return {"title": title} | {key: each[language].format(option=option) for key, each in texts.items()}
