"""How names of channels are spelled on the wire, for channels that a dialect has no word of its own for."""


def upper_snake(name: str) -> str:
    """`bank_transfer` as BANK_TRANSFER."""
    return name.upper()


def camel(name: str) -> str:
    """`bank_transfer` as bankTransfer."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
