"""Everything that can go wrong between a client and the Hub, as a table: what the fault-matrix tests are made from.

A fault changes one answer. It strikes only where it makes sense (a wrong slice only where a range was asked for), and
only then counts as having struck.
"""

import gzip
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.fakes.hub.answers import Answer, Call

LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>Hotel WLAN</title></head><body>Please log in.</body></html>"
_HIDDEN_HEADERS = ("ETag", "X-Linked-Etag", "X-Linked-Size", "X-Repo-Commit")


class Where(StrEnum):
    """Which answers a fault can change."""

    ANY = "any"
    BLOB = "blob"
    """The bytes of a file."""
    PART = "part"
    """The bytes of a range of a file."""
    RESOLVE = "resolve"
    """What the Hub says when asked for a file: its bytes, or where they are."""
    HEADERS = "headers"
    """The headers that tell of a file."""
    SIZES = "sizes"
    """What tells sizes: the API, and the headers."""


@dataclass(slots=True)
class Fault:
    """A fault that waits for its requests."""

    kind: str
    match: re.Pattern[str]
    """Found in the path."""
    host: str | None = None
    skip: int = 0
    """So many requests are spared first."""
    times: int | None = 1
    """None: for ever."""
    after: int = 0
    """Bytes of the body that are sent before."""
    options: dict[str, Any] = field(default_factory=dict)
    struck: int = 0
    """How often it has."""

    def fits(self, call: Call, answer: Answer) -> bool:
        """Whether it can strike here."""
        if self.times is not None and self.struck >= self.times:
            return False
        if self.host not in (None, call.host) or not self.match.search(call.path):
            return False
        if self.options.get("method", call.method) != call.method:
            return False
        if self.after and (call.method == "HEAD" or answer.length <= self.after):
            return False
        at = self.options.get("at")
        if at is not None and not answer.begin <= at < answer.end:
            return False
        return _is_at(self.options.get("where", FAULTS[self.kind].where), call, answer)


def _is_at(where: Where, call: Call, answer: Answer) -> bool:
    match where:
        case Where.BLOB:
            return answer.is_blob and call.method == "GET" and answer.end > answer.begin
        case Where.PART:
            return answer.is_blob and call.method == "GET" and answer.status == 206
        case Where.RESOLVE:
            return "/resolve/" in call.path
        case Where.HEADERS:
            return "X-Repo-Commit" in answer.headers
        case Where.SIZES:
            in_headers = "X-Linked-Size" in answer.headers or (call.method == "HEAD" and answer.is_blob)
            return in_headers or (
                call.path.startswith("/api/") and b'"size"' in bytes(answer.content.read(0, answer.end))
            )
        case _:
            return True


class World:
    """What faults need of the Hub around them."""

    def bad_address(self, kind: str) -> str:
        """An address at which `kind` happens: `refused`, `tls_bad`, `dns`, or the other host, `cdn`."""
        raise NotImplementedError

    def move_head(self, call: Call, files: Any) -> None:
        """Make a new commit of the repository that the call is about."""
        raise NotImplementedError


Apply = Callable[[Answer, Call, Fault, World], Answer]


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A row of the table."""

    text: str
    where: Where
    apply: Apply


def _strike(answer: Answer, _call: Call, fault: Fault, _world: World) -> Answer:
    answer.strike, answer.strike_after = fault.kind, fault.after
    answer.drip_bytes_per_s = float(fault.options.get("rate", 100))
    answer.stall_s = fault.options.get("for_s")
    return answer


def _short_length(answer: Answer, _call: Call, fault: Fault, _world: World) -> Answer:
    answer.announced_bytes = max(0, answer.length - fault.options.get("by", 1))
    answer.end_connection = True
    return answer


def _long_body(answer: Answer, _call: Call, fault: Fault, _world: World) -> Answer:
    answer.extra = b"\xa5" * fault.options.get("by", 1)
    return answer


def _status(status: int, message: str, *, code: str = "") -> Apply:
    def apply(_answer: Answer, _call: Call, fault: Fault, _world: World) -> Answer:
        answer = Answer.error(fault.options.get("status", status), message, code=code)
        answer.headers |= {name: str(value) for name, value in fault.options.get("headers", {}).items()}
        if "retry_after" in fault.options:
            answer.headers["Retry-After"] = str(fault.options["retry_after"])
        return answer

    return apply


def _too_many(answer: Answer, call: Call, fault: Fault, world: World) -> Answer:
    answer = _status(429, "We have been rate limiting you")(answer, call, fault, world)
    answer.headers.setdefault("Retry-After", "0")
    return answer


def _ignore_range(answer: Answer, _call: Call, _fault: Fault, _world: World) -> Answer:
    answer.status, answer.begin, answer.end = 200, 0, answer.content.size_bytes
    del answer.headers["Content-Range"]
    return answer


def _wrong_slice(answer: Answer, _call: Call, _fault: Fault, _world: World) -> Answer:
    size, length = answer.content.size_bytes, answer.length
    answer.begin = answer.begin - 1 if answer.begin else min(1, size - length)
    answer.end = answer.begin + length
    if length == size:
        answer.alter = lambda _offset, data: data[1:] + data[:1]
    return answer


def _wrong_range(answer: Answer, _call: Call, _fault: Fault, _world: World) -> Answer:
    told = f"bytes {answer.begin + 1}-{answer.end}/{answer.content.size_bytes}"
    answer.headers["Content-Range"] = told
    return answer


def _wrong_total(answer: Answer, _call: Call, fault: Fault, _world: World) -> Answer:
    total = answer.content.size_bytes + fault.options.get("by", 1)
    answer.headers["Content-Range"] = f"bytes {answer.begin}-{answer.end - 1}/{total}"
    return answer


def _flip(answer: Answer, _call: Call, fault: Fault, _world: World) -> Answer:
    at = fault.options.get("at", answer.begin + max(fault.after, (answer.end - answer.begin) // 2))
    bit = 1 << fault.options.get("bit", 0)

    def alter(offset: int, data: bytes) -> bytes:
        if not offset <= at < offset + len(data):
            return data
        return data[: at - offset] + bytes([data[at - offset] ^ bit]) + data[at - offset + 1 :]

    answer.alter = alter
    return answer


def _swap(answer: Answer, _call: Call, _fault: Fault, _world: World) -> Answer:
    other = bytes(byte ^ 0x5A for byte in range(256))
    answer.alter = lambda _offset, data: data.translate(other)
    return answer


def _gzip(answer: Answer, _call: Call, _fault: Fault, _world: World) -> Answer:
    packed = gzip.compress(bytes(answer.content.read(answer.begin, answer.end)))
    told = answer.headers.get("Content-Range")
    answer.replace_body(packed, answer.headers.get("Content-Type", "application/octet-stream"))
    answer.headers["Content-Encoding"] = "gzip"
    if told:
        answer.headers["Content-Range"] = told
    return answer


def _captive(_answer: Answer, _call: Call, fault: Fault, _world: World) -> Answer:
    told = fault.options
    page, content_type = told.get("page", LOGIN_PAGE.decode()), told.get("content_type", "text/html; charset=utf-8")
    return Answer.of_text(told.get("status", 200), page, content_type)


def _drop_header(answer: Answer, _call: Call, fault: Fault, _world: World) -> Answer:
    for name in fault.options.get("names", _HIDDEN_HEADERS):
        answer.headers.pop(name, None)
        answer.no_length |= name == "Content-Length"
    answer.end_connection |= answer.no_length
    return answer


def _size_lies(answer: Answer, _call: Call, fault: Fault, _world: World) -> Answer:
    by, name = fault.options.get("by", 1), re.compile(fault.options.get("file", ""))
    if "X-Linked-Size" in answer.headers:
        answer.headers["X-Linked-Size"] = str(int(answer.headers["X-Linked-Size"]) + by)
    elif answer.is_blob:
        answer.announced_bytes = answer.length + by
    else:
        lied = _lie(json.loads(bytes(answer.content.read(0, answer.end))), by, name)
        answer.replace_body(json.dumps(lied).encode(), answer.headers["Content-Type"])
    return answer


def _lie(value: Any, by: int, name: re.Pattern[str]) -> Any:
    if isinstance(value, list):
        return [_lie(item, by, name) for item in value]
    if not isinstance(value, dict):
        return value
    path = str(value.get("path") or value.get("rfilename") or "")
    if isinstance(value.get("size"), int) and name.search(path):
        lfs = {"lfs": {**value["lfs"], "size": value["lfs"]["size"] + by}} if "lfs" in value else {}
        return {**value, "size": value["size"] + by, **lfs}
    return {key: _lie(item, by, name) for key, item in value.items()}


def _redirect_loop(_answer: Answer, call: Call, _fault: Fault, _world: World) -> Answer:
    return Answer.redirect(call.arrived_at + call.target)


def _redirect_off_host(_answer: Answer, call: Call, fault: Fault, world: World) -> Answer:
    target = fault.options.get("to") or f"{world.bad_address('cdn')}/off-host"
    return Answer.redirect(target + call.target, status=307)


def _redirect_to_bad(_answer: Answer, call: Call, fault: Fault, world: World) -> Answer:
    return Answer.redirect(world.bad_address(fault.kind) + call.target)


def _move_commit(answer: Answer, call: Call, fault: Fault, world: World) -> Answer:
    world.move_head(call, fault.options.get("files"))
    return answer


FAULTS: dict[str, FaultKind] = {
    # The line
    "reset": FaultKind("the connection is reset (RST) after some bytes", Where.ANY, _strike),
    "fin": FaultKind("the connection is closed (FIN) before the announced end", Where.ANY, _strike),
    "short_length": FaultKind("Content-Length is smaller than the body", Where.BLOB, _short_length),
    "long_body": FaultKind("more bytes come, and are announced, than the file or range has", Where.BLOB, _long_body),
    "stall": FaultKind("nothing more comes, and the connection stays open", Where.ANY, _strike),
    "drip": FaultKind("a few bytes a second come", Where.ANY, _strike),
    "refused": FaultKind("the file's host refuses the connection", Where.RESOLVE, _redirect_to_bad),
    "dns": FaultKind("the name of the file's host is not known", Where.RESOLVE, _redirect_to_bad),
    "tls_bad": FaultKind("the file's host has a certificate that nobody signed", Where.RESOLVE, _redirect_to_bad),
    # What the server says
    "status_401": FaultKind("401: log in", Where.ANY, _status(401, "Invalid username or password.")),
    "status_403": FaultKind("403, and 403 or 410 of a signed address that expired", Where.ANY, _status(403, "Denied")),
    "gated": FaultKind("403: the licence is not accepted", Where.ANY, _status(403, "Restricted", code="GatedRepo")),
    "status_404": FaultKind("404: no such file", Where.ANY, _status(404, "Entry not found", code="EntryNotFound")),
    "revision_gone": FaultKind("404: no such revision", Where.ANY, _status(404, "No commit", code="RevisionNotFound")),
    "status_408": FaultKind("408: the request took too long", Where.ANY, _status(408, "Request timeout")),
    "status_410": FaultKind("410: gone", Where.ANY, _status(410, "Gone")),
    "status_416": FaultKind("416: no such range", Where.ANY, _status(416, "Range not satisfiable")),
    "status_429": FaultKind("429: too many requests, with Retry-After", Where.ANY, _too_many),
    "status_500": FaultKind("500: the server failed", Where.ANY, _status(500, "Internal error")),
    "status_502": FaultKind("502: the server behind the server failed", Where.ANY, _status(502, "Bad gateway")),
    "status_503": FaultKind("503: the server is busy", Where.ANY, _status(503, "Service unavailable")),
    "status_504": FaultKind("504: the server behind the server is slow", Where.ANY, _status(504, "Gateway timeout")),
    # What the bytes are
    "ignore_range": FaultKind("200 with the whole file where a range was asked for", Where.PART, _ignore_range),
    "wrong_slice": FaultKind("206 with the bytes of another range than it says", Where.PART, _wrong_slice),
    "wrong_range": FaultKind("206 that says it is another range than was asked for", Where.PART, _wrong_range),
    "wrong_total": FaultKind("206 that says the file has another size", Where.PART, _wrong_total),
    "flip": FaultKind("one bit is another", Where.BLOB, _flip),
    "swap": FaultKind("other bytes, as many", Where.BLOB, _swap),
    "gzip": FaultKind("the bytes come compressed", Where.BLOB, _gzip),
    "captive": FaultKind("200 with the login page of a hotel's network", Where.ANY, _captive),
    # What the metadata says
    "drop_header": FaultKind("ETag, size and commit are missing from the headers", Where.HEADERS, _drop_header),
    "size_lies": FaultKind("the metadata says another size than the file has", Where.SIZES, _size_lies),
    "redirect_loop": FaultKind("a redirect to itself", Where.RESOLVE, _redirect_loop),
    "redirect_off_host": FaultKind("a redirect to another host that answers", Where.RESOLVE, _redirect_off_host),
    "move_commit": FaultKind("the head moves to a new commit", Where.ANY, _move_commit),
}
"""Every kind of fault by name: what it is, which answers it can change, and how."""
