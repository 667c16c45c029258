"""An incremental parser of HTTP/1 responses. Once the status line is read, nothing that follows can make it a failure.

Headers and body are read as far as they are well formed, up to a limit of bytes, for the log. It does no I/O.
"""

import re
from collections.abc import Callable

ANSWER_BYTES_MAX = 32 * 1024  # of one response: interim responses, headers, framing and body together
INTERIM_MAX = 8  # responses such as `100 Continue` and `103 Early Hints` before the final one
_STATUS = re.compile(rb"HTTP/(\d(?:\.\d)?) +([1-9]\d\d)[ \t\r\n]")
_STATUS_WITHIN = 64
_BLANK_LINE = re.compile(rb"\n\r?\n")
_BLANK_LINE_LENGTH_MAX = 3
_LENGTH = re.compile(r"\d{1,15}", re.ASCII)
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(;[^\n]*)?\r?\n")


class NotHttp(Exception):
    """The bytes received are not an HTTP/1 response. The message contains none of them."""


class Incoming:
    """One response being received: call `feed` with bytes until `over`, and `end` when the connection closes."""

    def __init__(self, bytes_max: int = ANSWER_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self.status: int | None = None
        """The final status, as soon as its line is read; interim responses are skipped."""
        self.headers: dict[str, str] = {}
        """Names in lower case; malformed lines are left out."""
        self.over = False
        self.whole = False
        """Whether the body was received to the end that its framing announced."""
        self._raw = bytearray()
        self._at: int = 0  # the offset up to which the bytes are parsed
        self._searched = 0
        self._interim = 0
        self._odd = False
        self._decoded = bytearray()
        self._in_body = False
        self._ends: int | None = None
        self._next: Callable[[], bool] = self._read_status

    @property
    def body(self) -> bytes:
        """The part of the body received so far, without chunk framing."""
        rest = self._raw[self._at : self._ends] if self._in_body and not self.whole else b""
        return bytes(self._decoded + rest)

    @property
    def silent(self) -> bool:
        """Whether no byte was received."""
        return not self._raw

    @property
    def connection_is_reusable(self) -> bool:
        """Whether the connection can be reused: the end of this response is unambiguous and the peer keeps it open."""
        return self.whole and not self._odd

    def feed(self, data: bytes) -> None:
        """Parses more bytes. Raises NotHttp when there can be no status any more."""
        room = self._bytes_max - len(self._raw)
        self._raw += data[:room]
        while not self.over and self._next():
            pass
        if self.over:
            self._odd |= self._at < len(self._raw) or len(data) > room
        elif len(data) >= room:
            self.over = True
            if self.status is None:
                raise NotHttp("the answer is not HTTP/1.1: it is long and has no status")

    def end(self, *, cleanly: bool) -> None:
        """The connection was closed, which ends a body that has no other framing (RFC 9112, section 6.3)."""
        self.whole |= cleanly and self._next == self._read_to_the_end
        self._decoded += self._raw[self._at :] if self.whole and not self.over else b""
        self.over = True

    # Each of these reads one part. It returns whether the next part can be read at once.

    def _read_status(self) -> bool:
        while self._raw.startswith((b"\r", b"\n"), self._at):
            self._at += 1
        line = _STATUS.match(self._raw, self._at)
        if line is None:
            begun = self._raw[self._at : self._at + _STATUS_WITHIN]
            if not begun.startswith(b"HTTP/"[: len(begun)]) or b"\n" in begun or len(begun) == _STATUS_WITHIN:
                raise NotHttp("the answer is not HTTP/1.1: it does not begin with a status")
            return False
        status = int(line[2])
        if status == 101:
            raise NotHttp("the answer is not HTTP/1.1: the peer changed the protocol")
        if status < 200:
            return self._pass_over_interim(line.end() - 1)
        self.status = status
        self._odd = line[1] != b"1.1"
        self._at = line.end() - 1
        self._next = self._read_head
        return True

    def _pass_over_interim(self, behind_status: int) -> bool:
        end = self._end_of_head(behind_status)
        if end is None:
            return False
        self._at = end
        self._interim += 1
        if self._interim > INTERIM_MAX:
            raise NotHttp("the answer is not HTTP/1.1: there are interim answers without end")
        return True

    def _end_of_head(self, start: int) -> int | None:
        blank = _BLANK_LINE.search(self._raw, max(start, self._searched))
        if blank is None:
            self._searched = len(self._raw) - _BLANK_LINE_LENGTH_MAX + 1
            return None
        return blank.end()

    def _read_head(self) -> bool:
        end = self._end_of_head(self._at)
        if end is None:
            return False
        _, *lines = self._raw[self._at : end].decode("latin-1").rstrip("\r\n").split("\n")
        self._at = end
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip():
                self._odd = True
                continue
            key, value = name.lower(), value.strip()
            self.headers[key] = f"{self.headers[key]}, {value}" if key in self.headers else value
        self._odd |= "close" in self.headers.get("connection", "").lower()
        self._in_body = True
        return self._choose_framing()

    def _choose_framing(self) -> bool:
        """Chooses how the end of the body is found (RFC 9112, section 6.3)."""
        coding, length = self.headers.get("transfer-encoding"), self.headers.get("content-length")
        self._odd |= coding is not None and length is not None
        if self.status in (204, 304):
            return self._complete()
        if coding is not None and coding.lower() == "chunked":
            self._next = self._read_chunk
        elif coding is None and length is not None and _LENGTH.fullmatch(length):
            self._ends = self._at + int(length)
            self._next = self._read_length
        else:
            self._odd = True
            self._next = self._read_to_the_end if coding is None and length is None else self._read_no_further
        return True

    def _complete(self) -> bool:
        self.over = self.whole = True
        return False

    def _read_length(self) -> bool:
        assert self._ends is not None, "a length was announced"
        if len(self._raw) < self._ends:
            return False
        self._decoded += self._raw[self._at : self._ends]
        self._at = self._ends
        return self._complete()

    def _read_to_the_end(self) -> bool:
        return False

    def _read_no_further(self) -> bool:
        """The end of the body is ambiguous: what follows is kept unparsed."""
        return False

    def _read_chunk(self) -> bool:
        begins = self._raw.find(b"\n", self._at) + 1
        if not begins:
            return False
        line = _CHUNK.fullmatch(self._raw, self._at, begins)
        if line is None:
            self._next = self._read_no_further
            return False
        if not (size := int(line[1], 16)):
            self._at = begins
            self._next = self._read_trailers
            return True
        ends = begins + size
        behind = bytes(self._raw[ends : ends + 2])
        if behind in (b"", b"\r"):
            return False
        if not behind.startswith((b"\n", b"\r\n")):
            self._next = self._read_no_further
            return False
        self._decoded += self._raw[begins:ends]
        self._at = ends + (1 if behind.startswith(b"\n") else 2)
        return True

    def _read_trailers(self) -> bool:
        ends = self._raw.find(b"\n", self._at) + 1
        if not ends:
            return False
        empty = not self._raw[self._at : ends].strip(b"\r\n")
        self._at = ends
        return self._complete() if empty else True
