"""The texts of the payment page, from translations.json in this folder, and those of a channel, from the channel."""

from collections.abc import Mapping

import msgspec

from gerbang.channels import ChannelSpec, PageTexts
from gerbang.web._pages import translations

TEXTS = translations.texts("gerbang.web.checkout")


def channel_texts(spec: ChannelSpec, language: str, option: str = "") -> Mapping[str, str]:
    """The texts of a channel in a language: title, hint, act, press, number and copy.

    `option` is the name of its bank, outlet or wallet. A channel without texts is called by its title.
    """
    texts = spec.texts or PageTexts(title={"id": spec.title, "en": spec.title})
    return {name: text[language].format(option=option) for name, text in msgspec.structs.asdict(texts).items()}
