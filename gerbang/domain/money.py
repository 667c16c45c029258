"""Money is a whole number of minor units: for rupiah, sen (ISO 4217 gives IDR two places, and fees need them)."""

IDR = "IDR"
MINOR_PER_RUPIAH = 100
AMOUNT_DIGITS_MAX = 16
"""Whole rupiah have at most 16 digits, as in SNAP BI's "16,2" amounts; with its sen the largest fits a 64-bit integer."""


def rupiah(whole: int) -> int:
    """Minor units of a whole number of rupiah."""
    return whole * MINOR_PER_RUPIAH


def whole_rupiah(minor: int) -> int:
    """Whole rupiah of minor units. Amounts of payments are always whole; raises ValueError for any that is not."""
    whole, sen = divmod(minor, MINOR_PER_RUPIAH)
    if sen:
        raise ValueError(f"{minor} sen is not a whole number of rupiah")
    return whole


def in_rupiah(minor: int) -> int | float:
    """Rupiah of minor units as JSON writes them: whole where they are, else with the sen of money that arrived so."""
    whole, sen = divmod(minor, MINOR_PER_RUPIAH)
    return minor / MINOR_PER_RUPIAH if sen else whole


def two_places(minor: int) -> str:
    """Minor units as text with two decimals: 366300 is "3663.00", -50 is "-0.50"."""
    sign = "-" if minor < 0 else ""
    whole, sen = divmod(abs(minor), MINOR_PER_RUPIAH)
    return f"{sign}{whole}.{sen:02d}"


def readable(minor: int) -> str:
    """Minor units as Indonesians write them: 1000000 is "Rp 10.000", sen only where there are any ("Rp 116,55"), and "-Rp 0,50"."""
    sign = "-" if minor < 0 else ""
    whole, sen = divmod(abs(minor), MINOR_PER_RUPIAH)
    grouped = f"{whole:,}".replace(",", ".")
    return f"{sign}Rp {grouped},{sen:02d}" if sen else f"{sign}Rp {grouped}"
