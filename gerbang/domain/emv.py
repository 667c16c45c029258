"""The text inside a QRIS code: EMVCo merchant-presented data objects, read with `parse` and written with `compose`.

An object is a two-digit tag, a two-digit length in characters and a value. Tags of nested objects are written `62-05`.
"""

import re
import unicodedata
from binascii import crc_hqx
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

CRITERIA = ("UMI", "UKE", "UME", "UBE", "URE")
"""Micro, small, medium, large, regular: the size class of a QRIS merchant (tags 26-03 and 51-03)."""

NATIONAL_REPOSITORY = "ID.CO.QRIS.WWW"
TEXT_LENGTH_MAX = 512
NAME_LENGTH_MAX = 25
CITY_LENGTH_MAX = 15
LABEL_LENGTH_MAX = 25
NAMELESS = "MERCHANT"

TITLES = {
    "00": "payload format",
    "01": "initiation method",
    "26-00": "acquirer identifier",
    "26-01": "merchant PAN",
    "26-02": "merchant id",
    "26-03": "merchant criteria",
    "51": "national repository",
    "51-02": "NMID",
    "52": "merchant category code",
    "53": "currency",
    "54": "amount",
    "55": "tip indicator",
    "56": "fixed tip",
    "57": "percentage tip",
    "58": "country",
    "59": "merchant name",
    "60": "merchant city",
    "61": "postal code",
    "62": "additional data",
    "62-01": "bill number",
    "62-05": "reference label",
    "62-07": "terminal label",
    "63": "checksum",
    "64": "language template",
}


class MalformedQr(ValueError):
    """A QR text that breaks a rule; the message is one sentence that names the tag."""

    def __init__(self, tag: str, complaint: str) -> None:
        self.tag = tag
        title = TITLES.get(tag)
        super().__init__(f"Tag {tag} ({title}) {complaint}." if title else f"Tag {tag} {complaint}.")


@dataclass(frozen=True, slots=True)
class Fields:
    """What a QR text says: `fields["59"]`, `fields["62-05"]`, in the order of the text."""

    values: Mapping[str, str]

    def __getitem__(self, tag: str) -> str:
        return self.values[tag]

    def __contains__(self, tag: str) -> bool:
        return tag in self.values

    def get(self, tag: str) -> str | None:
        """The value of a tag, or None where the text has none."""
        return self.values.get(tag)

    @property
    def amount(self) -> int | None:
        """Tag 54 in minor units (sen); None when the payer types the amount. Raises MalformedQr for what is no amount."""
        written = self.values.get("54")
        if written is None:
            return None
        if not _AMOUNT.fullmatch(written):
            raise MalformedQr("54", _AMOUNT_COMPLAINT)
        whole, _, cents = written.partition(".")
        return int(whole) * 100 + int(cents.ljust(2, "0"))


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantAccount:
    """What an acquirer knows of a merchant, as printed into each of its codes.

    Values are those of the QRIS data objects: `acquirer` is a reverse domain (26-00, at most 32 characters), `pan` 18 or
    19 digits of which the first eight name the institution (26-01), `merchant_id` at most 15 characters (26-02), `nmid`
    the national id (51-02; may be left out for dynamic codes only), `terminal` at most 25 characters (62-07) or nothing.
    `name` and `city` may be anything: they are folded to what a QR text may hold. Raises MalformedQr for the rest.
    """

    acquirer: str
    pan: str
    merchant_id: str
    criteria: str = "URE"
    nmid: str = ""
    mcc: str
    name: str
    city: str
    postcode: str
    terminal: str = ""

    def __post_init__(self) -> None:
        # A PAN is checked harder here than when read: only QRIS institutions (9360) are allowed to receive.
        if not re.fullmatch("9360[0-9]{14,15}", self.pan):
            raise MalformedQr("26-01", "must be 18 or 19 digits and begin with 9360")
        _demand("26-00", self.acquirer, _ACCOUNT_RULES["00"])
        _demand("26-02", self.merchant_id, _ACCOUNT_RULES["02"])
        _demand("26-03", self.criteria, _ACCOUNT_RULES["03"])
        _demand("52", self.mcc, _RULES["52"])
        _demand("61", self.postcode, _RULES["61"])
        if self.nmid:
            _demand("51-02", self.nmid, _RULES["51-02"])
        if self.terminal:
            _demand("62-07", self.terminal, _RULES["62-07"])
        if not fold(self.city, CITY_LENGTH_MAX):
            raise MalformedQr("60", "has no letter that a QR text may hold")


# -- writing ----------------------------------------------------------------------------------------------------------


def compose(merchant: MerchantAccount, *, amount: int | None = None, bill_number: str = "", reference: str = "") -> str:
    """The text of a QRIS code: dynamic (01 = 12) when it carries an amount, static (01 = 11) when the payer types it.

    `amount` is in minor units of IDR (sen), at least 1; `bill_number` (62-01) and `reference` (62-05) hold at most 25
    printable ASCII characters, or nothing. Raises MalformedQr for what the QRIS data objects do not allow.
    """
    before_amount, after_amount, terminal = _constant_parts(merchant)
    if amount is None:
        if not merchant.nmid:
            raise MalformedQr("51", "is required in a static code, and this merchant has no NMID")
        head, price = "000201010211", ""
    else:
        head, price = "000201010212", _object("54", _in_rupiah(amount))
    additional = _label("62-01", bill_number) + _label("62-05", reference) + terminal
    if additional:
        additional = f"62{len(additional):02}{additional}"
    unsigned = f"{head}{before_amount}{price}{after_amount}{additional}6304"
    return unsigned + _checksum(unsigned.encode("ascii"))


@lru_cache(maxsize=4096)
def _constant_parts(merchant: MerchantAccount) -> tuple[str, str, str]:
    """What is the same in all codes of a merchant: tags 26 to 53, tags 58 to 61, and 62-07."""
    account = (
        _object("00", merchant.acquirer)
        + _object("01", merchant.pan)
        + _object("02", merchant.merchant_id)
        + _object("03", merchant.criteria)
    )
    repository = _object("00", NATIONAL_REPOSITORY) + _object("02", merchant.nmid) + _object("03", merchant.criteria)
    before_amount = (
        _object("26", account)
        + (_object("51", repository) if merchant.nmid else "")
        + _object("52", merchant.mcc)
        + _object("53", "360")
    )
    after_amount = (
        _object("58", "ID")
        + _object("59", fold(merchant.name, NAME_LENGTH_MAX) or NAMELESS)
        + _object("60", fold(merchant.city, CITY_LENGTH_MAX))
        + _object("61", merchant.postcode)
    )
    return before_amount, after_amount, _label("62-07", merchant.terminal)


def fold(text: str, length_max: int) -> str:
    """The nearest text that may stand in tag 59 or 60: printable ASCII without a pipe, cut to `length_max`.

    Accents are dropped, anything else that cannot be written becomes a space. What is allowed already is left
    untouched; what has nothing to write comes back empty.
    """
    if len(text) <= length_max and _WRITABLE.fullmatch(text) and not text.isspace():
        return text
    letters: list[str] = []
    for character in unicodedata.normalize("NFKD", text.translate(_TYPOGRAPHY)):
        if _WRITABLE.fullmatch(character):
            letters.append(character)
        elif not unicodedata.combining(character):
            letters.append(" ")
    return " ".join("".join(letters).split())[:length_max].rstrip()


def _in_rupiah(amount: int) -> str:
    """2750000 -> "27500", 2750050 -> "27500.50": tag 54 is rupiah, and decimals are written only where there are any."""
    if amount <= 0:
        raise MalformedQr("54", "must be more than zero")
    rupiah, sen = divmod(amount, 100)
    written = f"{rupiah}.{sen:02}" if sen else str(rupiah)
    if len(written) > 13:
        raise MalformedQr("54", "holds at most 13 characters")
    return written


def _object(tag: str, value: str) -> str:
    return f"{tag}{len(value):02}{value}"


def _label(tag: str, value: str) -> str:
    """A nested object of tag 62, or nothing where there is nothing to say."""
    if not value:
        return ""
    _demand(tag, value, _RULES[tag])
    return _object(tag[3:], value)


def _checksum(unsigned: bytes) -> str:
    """CRC-16/CCITT-FALSE over everything up to and including `6304` (EMVCo merchant-presented mode, tag 63)."""
    return f"{crc_hqx(unsigned, 0xFFFF):04X}"


# -- reading ----------------------------------------------------------------------------------------------------------


def parse(text: str, *, strict: bool = False) -> Fields:
    """Take a QR text apart, proving its checksum and its structure; `strict` also holds it to the rules of QRIS.

    Templates (26-51, 62, 64) are opened one level deep. Tags 02-25 belong to card schemes and 65-99 to their owners, so
    those stay one value each. Raises MalformedQr.
    """
    _check_seal(text)
    values: dict[str, str] = {}
    for tag, value in _objects(text):
        if "26" <= tag <= "51" or tag in ("62", "64"):
            values.update((f"{tag}-{inner}", said) for inner, said in _objects(value, within=tag))
        else:
            values[tag] = value
    # The seal looked at the last eight characters, which could also be the tail of some other value.
    if next(reversed(values)) != "63":
        raise MalformedQr("63", "must come last")
    fields = Fields(MappingProxyType(values))
    if strict:
        _check_qris(fields)
    return fields


def _check_seal(text: str) -> None:
    """What holds for the text as a whole: its first and last object, its size, its checksum."""
    if not text.startswith("000201"):
        raise MalformedQr("00", "must come first and say 01")
    if len(text) > TEXT_LENGTH_MAX:
        raise MalformedQr("00", f"opens a text of {len(text)} characters, more than {TEXT_LENGTH_MAX}")
    unsigned, claimed = text[:-4], text[-4:]
    if not unsigned.endswith("6304"):
        raise MalformedQr("63", "must come last and hold four characters")
    try:
        # Lengths count characters, the checksum counts bytes of UTF-8.
        found = _checksum(unsigned.encode("utf-8"))
    except UnicodeEncodeError:
        raise MalformedQr("63", "cannot be proven, since the text is not valid Unicode") from None
    if claimed != found:
        raise MalformedQr("63", f"says {claimed!a} but the text amounts to '{found}'")


def _objects(text: str, within: str = "") -> Iterator[tuple[str, str]]:
    """Tag and value of each object in a text, or in the template `within`."""
    seen: set[str] = set()
    at = 0
    while at < len(text):
        tag, length = text[at : at + 2], text[at + 2 : at + 4]
        path = f"{within}-{tag}" if within else tag
        if not _TWO_DIGITS.fullmatch(tag):
            raise MalformedQr(within or "00", f"is followed or filled by {tag!a} where a two-digit tag belongs")
        if not _TWO_DIGITS.fullmatch(length) or length == "00":
            raise MalformedQr(path, f"states {length!a} as its length, which is 01 to 99")
        value = text[at + 4 : at + 4 + int(length)]
        if len(value) < int(length):
            raise MalformedQr(path, f"states {int(length)} characters, but only {len(value)} follow")
        if path in seen:
            raise MalformedQr(path, "stands twice")
        # Only from 64 on may a value leave ASCII. This also closes a gap of the checksum: it proves every change that
        # keeps the number of bytes, and one in 65,536 of those that do not.
        if (within or tag) < "64" and not _PRINTABLE.fullmatch(value):
            raise MalformedQr(path, "holds a character that is not printable ASCII")
        seen.add(path)
        yield tag, value
        at += 4 + int(length)


# -- the rules of QRIS ------------------------------------------------------------------------------------------------

Rule = tuple[re.Pattern[str], str]

_TWO_DIGITS = re.compile("[0-9]{2}")
_PRINTABLE = re.compile("[ -~]+")
_WRITABLE = re.compile("[ -{}~]+")  # printable without the pipe, which QRIS keeps for itself
_TYPOGRAPHY = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-"})
_AMOUNT = re.compile(r"(?=.*[1-9])(?=.{1,13}$)[0-9]+(\.[0-9]{0,2})?")
_AMOUNT_COMPLAINT = "must be more than zero: at most 13 digits and one point, with at most two decimals"


def _rule(pattern: str, complaint: str) -> Rule:
    return re.compile(pattern), complaint


def _writable(length_max: int) -> Rule:
    return _rule(f"[ -{{}}~]{{1,{length_max}}}", f"must be 1 to {length_max} printable ASCII characters without a pipe")


def _printable(length_max: int) -> Rule:
    return _rule(f"[ -~]{{1,{length_max}}}", f"must be 1 to {length_max} printable ASCII characters")


_CRITERION = _rule("|".join(CRITERIA), f"must be one of {', '.join(CRITERIA)}")

_RULES = {
    "01": _rule("1[12]", "must be 11 (static) or 12 (dynamic)"),
    "51-00": _printable(32),
    "51-02": _printable(15),
    "51-03": _CRITERION,
    "52": _rule("[0-9]{4}", "must be four digits"),
    "53": _rule("360", "must be 360, the rupiah"),
    "54": (_AMOUNT, _AMOUNT_COMPLAINT),
    "55": _rule("0[123]", "must be 01 (ask), 02 (fixed) or 03 (percentage)"),
    "56": (_AMOUNT, _AMOUNT_COMPLAINT),
    "57": _rule(r"(?=.*[1-9])(?=.{1,5}$)[0-9]{1,2}(\.[0-9]{0,2})?", "must be a percentage from 00.01 to 99.99"),
    "58": _rule("ID", "must be ID"),
    "59": _writable(NAME_LENGTH_MAX),
    "60": _writable(CITY_LENGTH_MAX),
    "61": _printable(10),
    **{f"62-{inner:02}": _printable(LABEL_LENGTH_MAX) for inner in range(1, 9)},
    "62-09": _rule(r"(?!.*(.).*\1)[AME]{1,3}", "may hold A, M and E, once each"),
}
_ACCOUNT_RULES = {
    "00": _printable(32),
    "01": _rule("[0-9]{8,19}", "must be 8 to 19 digits"),
    "02": _writable(15),
    "03": _CRITERION,
}
"""What stands inside the templates 26 to 45, the accounts at domestic acquirers."""

_MANDATORY = ("52", "53", "58", "59", "60", "61")


def _demand(tag: str, value: str, rule: Rule) -> None:
    pattern, complaint = rule
    if not pattern.fullmatch(value):
        raise MalformedQr(tag, complaint)


def _check_qris(fields: Fields) -> None:
    """The national rules on top of EMVCo's (ASPI, QRIS merchant-presented mode, data objects)."""
    for tag, value in fields.values.items():
        account, _, inner = tag.partition("-")
        rule = _ACCOUNT_RULES.get(inner) if inner and "26" <= account <= "45" else _RULES.get(tag)
        if rule is not None:
            _demand(tag, value, rule)
    _check_accounts(fields)
    for tag in _MANDATORY:
        if tag not in fields:
            raise MalformedQr(tag, "is missing")
    for tag, indicator in (("56", "02"), ("57", "03")):
        if (tag in fields) != (fields.get("55") == indicator):
            raise MalformedQr(tag, f"stands exactly when tag 55 says {indicator}")


def _check_accounts(fields: Fields) -> None:
    """Somebody must be there to receive: a scheme (02-25), a domestic acquirer (26-45) or the national repository."""
    accounts = dict.fromkeys(tag[:2] for tag in fields.values if "02" <= tag[:2] <= "45" or tag[:2] == "51")
    if not accounts:
        raise MalformedQr("51", "is missing, and so is every merchant account from 02 to 45")
    if fields.get("01") == "11" and "51" not in accounts:
        raise MalformedQr("51", "is required in a static code")
    for account in accounts:
        # The criteria (03) may be left out: URE is then understood.
        required = ("00", "02") if account == "51" else ("00", "01", "02") if account >= "26" else ()
        for inner in required:
            if f"{account}-{inner}" not in fields:
                raise MalformedQr(f"{account}-{inner}", "is missing")
