"""One request to the fake Hub and the answer to it, before and after a fault has been at it."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from tests.fakes.hub.contents import BytesContent, Content

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True, slots=True)
class Call:
    """What a client asked."""

    host: str
    """`hub` or `cdn`."""
    method: str
    path: str
    """Unquoted, without the query."""
    raw_path: str
    raw_query: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = b""
    arrived_at: str = ""
    """Scheme, host and port the request came in at."""

    @property
    def target(self) -> str:
        """Path and query as they came."""
        return f"{self.raw_path}?{self.raw_query}" if self.raw_query else self.raw_path

    @property
    def authorization(self) -> str:
        """The header, or nothing."""
        return self.headers.get("authorization", "")


@dataclass(slots=True)
class Answer:
    """What goes back; faults change it."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    content: Content = field(default_factory=lambda: BytesContent(b""))
    begin: int = 0
    end: int = 0
    """The bytes of the content that are sent, `end` excluded."""
    is_blob: bool = False
    """The bytes are those of a repository's file."""
    alter: Callable[[int, bytes], bytes] | None = None
    """Changes a slice that starts at an offset of the content."""
    extra: bytes = b""
    """Sent after the content."""
    announced_bytes: int | None = None
    """Another `Content-Length` than the truth."""
    no_length: bool = False
    end_connection: bool = False
    strike: str = ""
    """`reset`, `fin`, `stall` or `drip`."""
    strike_after: int = 0
    """Bytes of the body before that; 0: before the first byte of the answer."""
    drip_bytes_per_s: float = 0.0
    stall_s: float | None = None

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return self.end - self.begin + len(self.extra)

    def replace_body(self, data: bytes, content_type: str) -> None:
        """Another body; the headers of the old one go."""
        self.content, self.begin, self.end = BytesContent(data), 0, len(data)
        self.headers["Content-Type"] = content_type
        self.headers.pop("Content-Range", None)
        self.is_blob = False

    @classmethod
    def of_text(cls, status: int, text: str, content_type: str) -> Self:
        """A body of text."""
        answer = cls(status)
        answer.replace_body(text.encode(), content_type)
        return answer

    @classmethod
    def of_json(cls, data: Any, *, status: int = 200) -> Self:
        """As the API answers."""
        return cls.of_text(status, json.dumps(data), "application/json; charset=utf-8")

    @classmethod
    def error(cls, status: int, message: str, *, code: str = "") -> Self:
        """As the Hub says no."""
        answer = cls.of_json({"error": message}, status=status)
        answer.headers["X-Error-Message"] = message
        if code:
            answer.headers["X-Error-Code"] = code
        return answer

    @classmethod
    def redirect(cls, location: str, *, status: int = 302) -> Self:
        """To another address."""
        return cls(status, {"Location": location})

    @classmethod
    def of_blob(cls, call: Call, content: Content, headers: Mapping[str, str]) -> Self:
        """A file, or the range of it that was asked for."""
        size = content.size_bytes
        own = {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes", **headers}
        answer = cls(200, own, content, 0, size, is_blob=True)
        found = _RANGE.fullmatch(call.headers.get("range", ""))
        if not found or found.groups() == ("", ""):
            return answer
        first, last = found.groups()
        begin = int(first) if first else max(0, size - int(last))
        end = min(size, int(last) + 1) if first and last else size
        if begin >= end:
            refused = cls.error(416, "The range you specified is not satisfiable")
            refused.headers["Content-Range"] = f"bytes */{size}"
            return refused
        answer.status, answer.begin, answer.end = 206, begin, end
        answer.headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
        return answer


@dataclass(frozen=True, slots=True)
class Request:
    """What the fake Hub's log tells of a request."""

    host: str
    """`hub` or `cdn`."""
    method: str
    path: str
    query: Mapping[str, str]
    range: str
    """The header as it came."""
    status: int
    """0: none was sent (yet)."""
    begin: int
    """Offset in the file of the first byte sent."""
    bytes_sent: int
    """Of the body."""
    is_blob: bool
    """Bytes of a repository's file were the answer."""
    authorization: str
    user_agent: str
    headers: Mapping[str, str]
    """Names in lower case."""
    done: bool
