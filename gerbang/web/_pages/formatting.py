"""Amounts, instants and durations as text in Indonesian and English. Instants are shown in Jakarta time (WIB)."""

from datetime import datetime

from gerbang.clock import wib
from gerbang.domain.money import readable

MONTHS = {
    "id": (
        *("Januari", "Februari", "Maret", "April", "Mei", "Juni"),
        *("Juli", "Agustus", "September", "Oktober", "November", "Desember"),
    ),
    "en": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
}
UNITS = {
    "id": (("hari", "hari"), ("jam", "jam"), ("menit", "menit")),
    "en": (("day", "days"), ("hour", "hours"), ("minute", "minutes")),
}


def amount(minor: int, language: str) -> str:
    """An amount in minor units: "Rp 10.000" in Indonesian, "Rp 10,000" in English, with a no-break space."""
    text = readable(minor).replace(" ", "\u00a0")
    return text if language == "id" else text.translate(str.maketrans(".,", ",."))


def instant(at: datetime, language: str) -> str:
    """An instant in Jakarta: "31 Maret 2025, 06.59 WIB" or "31 March 2025, 06:59 WIB"."""
    there = wib(at)
    point = "." if language == "id" else ":"
    return f"{there.day} {MONTHS[language][there.month - 1]} {there.year}, {there:%H}{point}{there:%M} WIB"


def span(seconds: int, language: str) -> str:
    """A duration in seconds: "2 hari 3 jam", "1 hour 5 minutes", and below an hour "14:05"."""
    seconds = max(0, seconds)
    if seconds < 3600:
        return f"{seconds // 60}:{seconds % 60:02d}"
    parts = (seconds // 86_400, seconds % 86_400 // 3600, seconds % 3600 // 60)
    first = 0 if parts[0] else 1
    texts = [
        f"{count} {UNITS[language][unit][count != 1]}"
        for unit, count in list(enumerate(parts))[first : first + 2]
        if count
    ]
    return " ".join(texts)


def count(quantity: float, language: str) -> str:
    """A quantity without a needless fraction: 2, or 1,5 (1.5 in English)."""
    text = f"{quantity:.3f}".rstrip("0").rstrip(".")
    return text.replace(".", ",") if language == "id" else text


def groups(number: str) -> list[str]:
    """A number in groups of four characters, so that it is easy to read aloud."""
    return [number[at : at + 4] for at in range(0, len(number), 4)]
