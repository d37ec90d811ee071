"""Byte ranges of a file over HTTP: one connection, every answer checked before a byte of it is taken.

Built on `http.client`, because it reads straight into our buffers: 0.8 CPU seconds for a gigabyte where the Hub's own
client takes 3.4 (docs/benchmarks.md). The commit is pinned, so a file's content cannot change between two ranges.
"""

import contextlib
import email.utils
import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from wan_desktop.core.words import tr

_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_REDIRECTS = 5
_MAX_ERROR_BODY_BYTES = 65_536
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_CONNECT_TIMEOUT_S = 15.0


class Refusal(StrEnum):
    """Why an answer was not taken."""

    UNREACHABLE = "unreachable"
    """No address, no connection, or it broke."""
    STALLED = "stalled"
    BLOCKED = "blocked"
    """TLS failed, or something that is not the server answered."""
    DENIED = "denied"
    """401 or 403."""
    GONE = "gone"
    """404 or 410."""
    BUSY = "busy"
    """408, 429 or 5xx: later perhaps."""
    WRONG = "wrong"
    """Another range, another size, another encoding than was asked for."""


class FetchError(Exception):
    """One request failed; whether to try again is the caller's business."""

    def __init__(self, refusal: Refusal, text: str, *, status: int = 0, retry_after_s: float = 0.0) -> None:
        super().__init__(text)
        self.refusal = refusal
        self.text = text
        self.status = status
        self.retry_after_s = retry_after_s
        self.from_signed_url = False
        """The answer came from where the Hub had sent us, so asking the Hub again may help."""


class Hub(Protocol):
    """What is needed of the Hub's client here."""

    def file_url(self, repo_id: str, revision: str, filename: str) -> str:
        """Where to ask for a file."""

    def headers_for(self, url: str) -> dict[str, str]:
        """What to send along; the token only to the Hub itself."""


@dataclass(slots=True)
class RemoteUrl:
    """Where a file's bytes are: at the Hub, or where the Hub last sent us."""

    at_hub: str
    size_bytes: int
    signed: str = ""
    ranges_ignored: bool = False
    """The server answers any range with the whole file."""
    sends_itself: bool = False
    """The Hub, or a mirror, sends the bytes without sending us on."""
    asking: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)
    """Whoever asks the Hub has it, so that a file costs one question there and not one for each connection."""


@dataclass(slots=True)
class Body:
    """The bytes of an answer, from `begin`; `read_into` takes what has arrived."""

    begin: int
    remaining_bytes: int
    response: http.client.HTTPResponse = field(repr=False)

    def read_into(self, view: memoryview) -> int:
        """Take at least one byte.

        Raises:
            FetchError: The connection broke or stalled.
        """
        try:
            count = int(self.response.fp.readinto1(view[: self.remaining_bytes]))
        except Exception:  # the costly translation only when it is needed: this runs for every few kilobytes
            with _translated():
                raise
        if count == 0:
            raise FetchError(Refusal.UNREACHABLE, tr("the connection was closed before the end"))
        self.remaining_bytes -= count
        if self.remaining_bytes == 0:
            # We read past http.client, which must know that nothing is left, or it drops the connection.
            self.response.length = 0
            self.response.read()
        return count


class RangeClient:
    """Keeps a connection to each host; for one thread, except `abort`."""

    def __init__(self, hub: Hub, *, stall_s: float = 20.0) -> None:
        self._hub = hub
        self._stall_s = stall_s
        self._connections: dict[tuple[str, str], http.client.HTTPConnection] = {}
        self._response: http.client.HTTPResponse | None = None
        """The last one: with "Connection: close", http.client forgets it, and it keeps the socket."""
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._aborted = False

    def abort(self) -> None:
        """End what is going on, from any thread; the thread at work gets a :class:`FetchError`. For good."""
        with self._lock:
            self._aborted = True
        self.interrupt()

    def interrupt(self) -> None:
        """As `abort`, but the client can be used again."""
        with self._lock:
            sockets = list(self._sockets)
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close all connections; on the thread that uses them."""
        if self._response is not None:
            self._response.close()
            self._response = None
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()
        with self._lock:
            self._sockets.clear()

    @contextlib.contextmanager
    def open(self, url: RemoteUrl, begin: int, end: int) -> Iterator[Body]:
        """Ask for bytes `begin` to `end` (excluded) of the file.

        Yields:
            The body; it starts at 0 instead of `begin` if the server ignores ranges.

        Raises:
            FetchError: No such answer.
        """
        try:
            body = self._ask(url, begin, end)
            yield body
        except BaseException:
            self.close()  # an answer half read makes the connection useless
            raise
        if body.remaining_bytes:
            self.close()

    def _ask(self, url: RemoteUrl, begin: int, end: int) -> Body:
        with contextlib.ExitStack() as turn:
            if not url.signed and not url.sends_itself:
                turn.enter_context(url.asking)
            signed = url.signed
            address = signed or url.at_hub
            try:
                for _ in range(_MAX_REDIRECTS + 1):
                    response = self._request(address, begin, end)
                    if response.status not in _REDIRECTS:
                        url.sends_itself = not signed
                        return _checked(response, url, begin, end)
                    address = _redirected(address, response)
                    signed = url.signed = address
                    turn.close()
                raise FetchError(Refusal.WRONG, tr("the server redirected more than {most} times", most=_MAX_REDIRECTS))
            except FetchError as error:
                error.from_signed_url = bool(signed)
                if signed and error.refusal in (Refusal.DENIED, Refusal.GONE, Refusal.WRONG):
                    url.signed = ""  # it may have expired
                raise

    def _request(self, address: str, begin: int, end: int) -> http.client.HTTPResponse:
        parts = urllib.parse.urlsplit(address)
        key = (parts.scheme, parts.netloc)
        path = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        headers = {
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "Range": f"bytes={begin}-{end - 1}",
            **self._hub.headers_for(address),
        }
        reused = key in self._connections
        try:
            return self._send(key, path, headers)
        except FetchError as error:
            if not reused or error.refusal != Refusal.UNREACHABLE:
                raise
            return self._send(key, path, headers)  # a kept connection may have been closed while it was idle

    def _send(self, key: tuple[str, str], path: str, headers: dict[str, str]) -> http.client.HTTPResponse:
        try:
            with _translated():
                connection = self._connections.get(key) or self._connect(*key)
                connection.request("GET", path, headers=headers)
                self._response = connection.getresponse()
                return self._response
        except BaseException:
            self.close()
            raise

    def _connect(self, scheme: str, netloc: str) -> http.client.HTTPConnection:
        host, port, tunnel = _way_to(scheme, netloc)
        connection: http.client.HTTPConnection
        if scheme == "https":
            connection = http.client.HTTPSConnection(host, port, timeout=self._stall_s, context=_tls())
        else:
            connection = http.client.HTTPConnection(host, port, timeout=self._stall_s)
        if tunnel:
            connection.set_tunnel(*tunnel)
        # The one place where http.client lets us have the socket before it is connected, so that `abort` can end that.
        connection._create_connection = self._open_socket  # type: ignore[attr-defined]
        self._connections[scheme, netloc] = connection
        return connection

    def _open_socket(self, address: tuple[str, int], timeout: float, _source: object = None) -> socket.socket:
        problem: OSError = OSError(f"no address for {address[0]}")
        for family, kind, protocol, _, where in socket.getaddrinfo(*address, type=socket.SOCK_STREAM):
            sock = socket.socket(family, kind, protocol)
            with self._lock:
                self._sockets.append(sock)
                aborted = self._aborted
            try:
                if aborted:
                    raise ConnectionAbortedError("stopped")
                sock.settimeout(min(_CONNECT_TIMEOUT_S, timeout))
                sock.connect(where)
                sock.settimeout(timeout)
                return sock
            except OSError as error:
                problem = error
                sock.close()
        raise problem


def _way_to(scheme: str, netloc: str) -> tuple[str, int, tuple[str, int] | None]:
    """Host and port to connect to, and what to ask a proxy there for."""
    parts = urllib.parse.urlsplit(f"{scheme}://{netloc}")
    host, port = parts.hostname or "", parts.port or (443 if scheme == "https" else 80)
    proxy = urllib.request.getproxies().get(scheme, "")
    if not proxy or is_loopback(host) or urllib.request.proxy_bypass(host):
        return host, port, None
    proxy_parts = urllib.parse.urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    return proxy_parts.hostname or "", proxy_parts.port or 8080, (host, port)


def is_loopback(host: str) -> bool:
    """This very machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


_tls_context: list[ssl.SSLContext] = []


def _tls() -> ssl.SSLContext:
    """Made once: reading the system's certificates takes 20 ms."""
    if not _tls_context:
        _tls_context.append(ssl.create_default_context())
    return _tls_context[0]


def _redirected(address: str, response: http.client.HTTPResponse) -> str:
    location = response.getheader("Location") or ""
    _drain(response)
    target = urllib.parse.urljoin(address, location)
    before, after = urllib.parse.urlsplit(address), urllib.parse.urlsplit(target)
    if not location or after.scheme not in ("http", "https"):
        raise FetchError(Refusal.WRONG, tr("the server redirected to nowhere"))
    if before.scheme == "https" and after.scheme == "http":
        raise FetchError(Refusal.BLOCKED, tr("the server redirected to {host} without encryption", host=after.hostname))
    return target


def _checked(response: http.client.HTTPResponse, url: RemoteUrl, begin: int, end: int) -> Body:
    """The body of an answer that is what was asked for."""
    status = response.status
    if status not in (200, 206):
        raise _refused(response)
    if response.getheader("Content-Encoding", "identity") != "identity":
        raise FetchError(Refusal.WRONG, tr("the answer is compressed"), status=status)
    length = response.getheader("Content-Length", "")
    length_bytes = int(length) if length.isdecimal() else -1
    if status == 200:
        # Small files at the Hub and servers that ignore ranges; anything else with 200 is not the file.
        if length_bytes != url.size_bytes:
            raise _not_the_file(response, length, url.size_bytes)
        url.ranges_ignored = begin > 0 or end < url.size_bytes
        return Body(0, length_bytes, response)
    found = _CONTENT_RANGE.fullmatch(response.getheader("Content-Range", ""))
    if not found or tuple(map(int, found.groups())) != (begin, end - 1, url.size_bytes):
        told = response.getheader("Content-Range", "no range")
        raise FetchError(
            Refusal.WRONG,
            tr(
                "asked for bytes {begin}-{end} of {size_bytes}, got {told}",
                begin=begin,
                end=end - 1,
                size_bytes=url.size_bytes,
                told=told,
            ),
            status=206,
        )
    if length_bytes not in (end - begin, -1):
        raise FetchError(
            Refusal.WRONG,
            tr("asked for {size_bytes} bytes, got {length_bytes}", size_bytes=end - begin, length_bytes=length_bytes),
            status=206,
        )
    return Body(begin, end - begin, response)


def _not_the_file(response: http.client.HTTPResponse, length: str, size_bytes: int) -> FetchError:
    if response.getheader("Content-Type", "").startswith("text/html"):
        return FetchError(Refusal.BLOCKED, tr("a web page came instead of the file"), status=200)
    return FetchError(
        Refusal.WRONG,
        tr(
            "the file has {found_bytes} bytes instead of {size_bytes}",
            found_bytes=length or tr("unknown"),
            size_bytes=size_bytes,
        ),
        status=200,
    )


def _refused(response: http.client.HTTPResponse) -> FetchError:
    status = response.status
    retry_after_s = _retry_after_s(response.getheader("Retry-After", ""))
    _drain(response)
    text = tr("the server answered {status} {reason}", status=status, reason=response.reason)
    if status in (401, 403):
        return FetchError(Refusal.DENIED, text, status=status)
    if status in (404, 410):
        return FetchError(Refusal.GONE, text, status=status)
    if status in (408, 425, 429) or status >= 500:
        return FetchError(Refusal.BUSY, text, status=status, retry_after_s=retry_after_s)
    return FetchError(Refusal.WRONG, text, status=status)


def _retry_after_s(value: str) -> float:
    """The header's seconds or date; 0 when it says nothing of use."""
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0.0


def _drain(response: http.client.HTTPResponse) -> None:
    """Read a short body, so that the connection can be used again."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        response.read(_MAX_ERROR_BODY_BYTES)
    if not response.isclosed():
        response.close()


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except FetchError:
        raise
    except TimeoutError as error:
        raise FetchError(Refusal.STALLED, tr("nothing came for a while")) from error
    except ssl.SSLCertVerificationError as error:
        raise FetchError(
            Refusal.BLOCKED, tr("the certificate is not trusted: {reason}", reason=error.verify_message)
        ) from error
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
        raise FetchError(Refusal.UNREACHABLE, tr("the connection was closed")) from error
    except ssl.SSLError as error:
        raise FetchError(
            Refusal.BLOCKED, tr("no encrypted connection: {reason}", reason=error.reason or error)
        ) from error
    except socket.gaierror as error:
        raise FetchError(Refusal.UNREACHABLE, tr("the server's name is not known: {error}", error=error)) from error
    except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
        # AttributeError: http.client's own answer when `abort` takes the socket away under it.
        raise FetchError(
            Refusal.UNREACHABLE, tr("the connection broke: {error}", error=str(error) or type(error).__name__)
        ) from error
