"""Strategies that corrupt valid request bodies: wrong types, impossible numbers and dates, hostile text, broken JSON."""

import copy
import json
from collections.abc import Iterator
from typing import Any, cast

from hypothesis import strategies as st

Path = tuple[str | int, ...]


class Raw(str):
    """JSON text that is put into a body unescaped. A character from U+DC80 to U+DCFF stands for one byte of invalid UTF-8."""

    __slots__ = ()


def _nested(start: str, end: str, times: int) -> Raw:
    return Raw(start * times + end * times)


NUMBERS = """
0 -0 -1 1 1.5 0.1 -0.0 1e3 1E+2 1e-400 1e308 1e400 -1e400 NaN Infinity -Infinity 01 +1 .5 1. 0x10 1_000
9007199254740993 9223372036854775807 9223372036854775808 -9223372036854775809 10000000000000000"""
LITERALS = "null true false [] {} [null] [[]] nul undefined"
DATES = """2025-02-29T00:00:00Z 2025-02-30T00:00:00Z 2025-13-01T00:00:00Z 2025-00-00T00:00:00Z 2025-03-31T24:00:00Z
2025-03-31T23:59:60Z 2025-03-31T25:61:61Z 2025-03-31 2025-03-31T23:59:05 2025-03-31T23:59:05+99:99 1743240981 yesterday
0000-01-01T00:00:00Z 0001-01-01T00:00:00Z 0001-01-01T00:00:00+14:00 0001-01-01T00:00:00-14:00 9999-12-31T23:59:59Z
9999-12-31T23:59:59.999999999Z 9999-12-31T23:59:59-14:00 9999-12-31T23:59:59+14:00 10000-01-01T00:00:00Z
+275760-09-13T00:00:00Z -000001-01-01T00:00:00Z 2025-03-31T23:59:05.123456789012345Z 2025-03-31T23:59:05+07:00"""
TEXTS = [
    "",
    " ",
    "0",
    "1.5",
    "-20000",
    "20000.001",
    "1e400",
    "٢٠٠٠٠",
    "null",
    "\x00",
    "a\x00b",
    "tab\tnewline\nreturn\r",
    "\x1b[31mred\x7f",
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "\u202eשלום עולם\u202c مرحبا",
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!",
    "\ufeffbyte order",
    "\u2028\u2029\u00a0\u200b\ufffe\uffff",
    "\U0010ffff",
    "'; DROP TABLE payments; --",
    "<script>alert(1)</script>",
    "{why} {0} %s %n ${jndi:ldap://x}",
    "../../etc/passwd",
    "X" * 256,
    "9" * 40,
    "💰" * 101,
    "é" * 100_000,
]
ODD = [
    *map(Raw, NUMBERS.split()),
    *map(Raw, LITERALS.split()),
    *(Raw(json.dumps(text)) for text in (*DATES.split(), *TEXTS)),
    Raw('"\\ud800"'),
    Raw('"\\udfff\\ud800 x"'),
    Raw('"\\u0000"'),
    Raw('"\\x41"'),
    Raw('"unended'),
    Raw('"real \n newline \x00 and NUL"'),
    Raw('"\udcff\udcfe"'),  # bytes that never occur in UTF-8
    Raw('"\udcc0\udc80"'),  # an overlong encoding of NUL
    Raw('"\udced\udca0\udc80"'),  # a lone surrogate encoded as UTF-8
    Raw("9" * 5_000),
    Raw("9" * 100_000),
    Raw("0." + "3" * 100_000),
    _nested("[", "]", 100),
    _nested("[", "]", 1_500),
    _nested("[", "]", 100_000),
    _nested('{"a":', "}", 100),
    _nested('{"a":', "}", 100_000),
    Raw("{" + ",".join(f'"k{number}":{number}' for number in range(10_000)) + "}"),
    Raw("[" + ",".join(["null"] * 100_000) + "]"),
]


def written(value: Any) -> str:
    """A value as JSON text; every `Raw` in it is written as it is."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return "{" + ",".join(f"{json.dumps(key)}:{written(field)}" for key, field in fields.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(written(item) for item in cast("list[Any]", value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def paths(value: Any, at: Path = ()) -> Iterator[Path]:
    """The path of every value in a body, the root (an empty path) first."""
    yield at
    if isinstance(value, dict):
        for key, field in cast("dict[str, Any]", value).items():
            yield from paths(field, (*at, key))
    elif isinstance(value, list):
        for number, item in enumerate(cast("list[Any]", value)):
            yield from paths(item, (*at, number))


def found(value: Any, at: Path) -> Any:
    for step in at:
        value = value[step]
    return value


@st.composite
def corrupted(draw: st.DrawFn, body: dict[str, Any]) -> bytes:
    """The body with one or two values replaced, removed or repeated, as bytes. The result may still be valid."""
    body = copy.deepcopy(body)
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.sampled_from(list(paths(body))))
        if at:
            _corrupt(draw, body, at[:-1], at[-1])
    return _broken(draw, written(body).encode("utf-8", "surrogateescape"))


def _corrupt(draw: st.DrawFn, body: dict[str, Any], above: Path, name: str | int) -> None:
    holder = found(body, above)
    way = draw(st.sampled_from(["odd", "odd", "odd", "odd", "remove", "repeat", "wrap", "retype"]))
    if way == "remove":
        del holder[name]
    elif way == "repeat" and above and isinstance(name, str):
        text = f"{written(holder)[:-1]},{json.dumps(name)}:{written(holder[name])}}}"
        *higher, last = above
        found(body, tuple(higher))[last] = Raw(text)
    elif way == "wrap":
        holder[name] = [holder[name]]
    elif way == "retype":
        holder[name] = 20_000 if isinstance(holder[name], str) else str(holder[name])
    else:
        holder[name] = draw(st.sampled_from(ODD))


def _broken(draw: st.DrawFn, body: bytes) -> bytes:
    """Breaks about a third of the bodies as a whole: cut off, doubled, in UTF-16, empty, and so on."""
    way = draw(st.integers(0, 25))
    ways = {
        0: lambda: body[: len(body) // 2],
        1: lambda: body + body,
        2: lambda: b"\xef\xbb\xbf" + body,
        3: lambda: body.decode("utf-8", "replace").encode("utf-16"),
        4: lambda: b"[" + body + b"]",
        5: lambda: b"",
        6: lambda: b"\x00" + body,
        7: lambda: str(draw(st.sampled_from(ODD))).encode("utf-8", "surrogateescape"),
    }
    return ways[way]() if way in ways else body
