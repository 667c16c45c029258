"""The words of the payer's page, from translations.json beside this file, and those of a channel, from the channel."""

from collections.abc import Mapping

import msgspec

from gerbang.channels import ChannelSpec, PageTexts
from gerbang.web._pages import translations

WORDS = translations.words("gerbang.web.checkout")


def channel_words(spec: ChannelSpec, language: str, option: str = "") -> Mapping[str, str]:
    """What a channel is called to a buyer: title, hint, act, press, number and copy, in a language.

    `option` is what its bank, outlet or wallet is called. A channel without texts goes by its own title.
    """
    texts = spec.texts or PageTexts(title={"id": spec.title, "en": spec.title})
    return {name: text[language].format(option=option) for name, text in msgspec.structs.asdict(texts).items()}
