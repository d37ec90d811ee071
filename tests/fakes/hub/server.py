"""Sockets and HTTP/1.1 of the fake Hub: what an answer says is put on the wire, faults and all."""

import contextlib
import http.client
import os
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.parse
from pathlib import Path
from typing import Any

from tests.fakes.hub.answers import Answer, Call, Request

if sys.platform == "linux":
    import fcntl
    import termios

_SLICE_BYTES = 1 << 20
_JOINED_BYTES = 1 << 16
"""Headers and a body up to that leave in one packet."""
_MAX_LINE_BYTES = 65_536
_ARRIVAL_S = 2.0
_NOT_HTTP = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
CERTIFICATE = Path(__file__).with_name("self_signed.pem")
"""For 127.0.0.1 and localhost, with its key; nobody signed it."""


class Exchange:
    """A request on its way; the log shows it from the first byte on."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.answer: Answer | None = None
        self.sent_status = 0
        self.bytes_sent = 0
        self.done = False

    def record(self) -> Request:
        """As the log tells it."""
        call, answer = self.call, self.answer
        return Request(
            host=call.host,
            method=call.method,
            path=call.path,
            query=call.query,
            range=call.headers.get("range", ""),
            status=self.sent_status,
            begin=answer.begin if answer else 0,
            bytes_sent=self.bytes_sent,
            is_blob=answer is not None and answer.is_blob,
            authorization=call.authorization,
            user_agent=call.headers.get("user-agent", ""),
            headers=call.headers,
            done=self.done,
        )


class Brain:
    """What the sockets ask for answers."""

    rate_bytes_per_s: float = 0.0
    """Of each connection; 0 is no limit."""

    def begin(self, call: Call) -> Exchange:
        """Note a request."""
        raise NotImplementedError

    def answer(self, exchange: Exchange) -> Answer:
        """The answer, with faults."""
        raise NotImplementedError


class Door:
    """One listening port; each connection has a thread."""

    def __init__(self, host: str, brain: Brain, *, tls: bool = False) -> None:
        self.host = host
        self.port = 0
        self.closing = threading.Event()
        self._brain = brain
        self._tls = tls
        self._lock = threading.Lock()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._listener: socket.socket | None = None
        self._acceptor: threading.Thread | None = None
        self.open()

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Listen, at the same port as before if there was one."""
        self.closing = threading.Event()
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(128)
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._acceptor = threading.Thread(target=self._accept, args=(listener,), name=f"fake-{self.host}", daemon=True)
        self._acceptor.start()

    def close(self) -> None:
        """Refuse new connections and break all that are there."""
        if self._listener is None or self._acceptor is None:
            return
        self.closing.set()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5):
            pass  # wakes `accept`, which closing the socket does not do everywhere
        self._acceptor.join()
        self._listener.close()
        self._listener = None
        self.break_connections()

    def break_connections(self) -> None:
        """End all connections that are open."""
        with self._lock:
            connections = list(self._connections.items())
        for sock, _ in connections:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for _, thread in connections:
            if thread is not threading.current_thread():
                thread.join()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            sock, _ = listener.accept()
            if self.closing.is_set():
                sock.close()
                return
            thread = threading.Thread(target=self._serve, args=(sock,), name=f"fake-{self.host}", daemon=True)
            with self._lock:
                self._connections[sock] = thread
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                Connection(_encrypted(sock) if self._tls else sock, self, self._brain).serve()
        finally:
            sock.close()
            with self._lock:
                del self._connections[sock]


def _encrypted(sock: socket.socket) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    # Of a copy: the door keeps the plain socket, through which it can break the connection.
    return context.wrap_socket(sock.dup(), server_side=True)


class Connection:
    """One connection: requests one after another."""

    def __init__(self, sock: socket.socket, door: Door, brain: Brain) -> None:
        self._sock = sock
        self._door = door
        self._brain = brain
        self._due_s = time.monotonic()

    def serve(self) -> None:
        """Answer until one side has enough."""
        with self._sock, self._sock.makefile("rb") as incoming:
            while (call := self._read_call(incoming)) is not None:
                exchange = self._brain.begin(call)
                try:
                    answer = exchange.answer = self._brain.answer(exchange)
                    if not self._send(exchange, answer) or call.headers.get("connection", "").lower() == "close":
                        return
                finally:
                    exchange.done = True

    def _read_call(self, incoming: Any) -> Call | None:
        if not incoming.peek(1)[:1].isalpha():
            self._sock.sendall(_NOT_HTTP)  # as servers answer who wants encryption at a port without
            return None
        line = incoming.readline(_MAX_LINE_BYTES + 1)
        method, _, rest = line.decode("latin-1").strip().partition(" ")
        target, _, version = rest.rpartition(" ")
        if not version.startswith("HTTP/1."):
            return None
        fields = http.client.parse_headers(incoming)
        headers = {name.lower(): value for name, value in fields.items()}
        body = incoming.read(int(headers.get("content-length", 0)))
        raw_path, _, query = target.partition("?")
        return Call(
            self._door.host,
            method,
            urllib.parse.unquote(raw_path),
            raw_path,
            query,
            dict(urllib.parse.parse_qsl(query)),
            headers,
            body,
            arrived_at=self._door.url,
        )

    # Answers -----------------------------------------------------------------------------------------------------

    def _send(self, exchange: Exchange, answer: Answer) -> bool:
        """Put the answer on the wire; False when the connection is at its end."""
        if answer.strike and answer.strike != "drip" and answer.strike_after == 0 and not self._struck(answer):
            return False
        head = _head(answer)
        exchange.sent_status = answer.status
        if exchange.call.method == "HEAD":
            self._sock.sendall(head)
            return not answer.end_connection
        if answer.length <= _JOINED_BYTES and not answer.strike and not self._brain.rate_bytes_per_s:
            exchange.bytes_sent = answer.length
            self._sock.sendall(head + _slice_of(answer, answer.begin, answer.end) + answer.extra)
        else:
            self._sock.sendall(head)
            if not self._send_body(exchange, answer):
                return False
        if answer.end_connection:
            self._sock.shutdown(socket.SHUT_WR)
        return not answer.end_connection

    def _send_body(self, exchange: Exchange, answer: Answer) -> bool:
        position = answer.begin
        stop = answer.begin + answer.strike_after if answer.strike else answer.end
        while position < stop:
            position = self._send_slice(exchange, answer, position, stop)
        if answer.strike and position < answer.end:
            if answer.strike == "drip":
                return self._drip(exchange, answer, position)
            if not self._struck(answer):
                return False
            while position < answer.end:
                position = self._send_slice(exchange, answer, position, answer.end)
        if answer.extra:
            self._sock.sendall(answer.extra)
            exchange.bytes_sent += len(answer.extra)
        return True

    def _send_slice(self, exchange: Exchange, answer: Answer, position: int, stop: int) -> int:
        end = min(stop, position + self._pace())
        number = answer.content.file_number()
        if number is not None and answer.alter is None and _can_sendfile(self._sock):
            count = os.sendfile(self._sock.fileno(), number, position, end - position)
        else:
            self._sock.sendall(_slice_of(answer, position, end))
            count = end - position
        exchange.bytes_sent += count
        self._wait_for_rate(count)
        return position + count

    def _pace(self) -> int:
        """Bytes to send at once: with a limit, what may go in 5 ms."""
        rate = self._brain.rate_bytes_per_s
        return max(4096, min(_SLICE_BYTES, int(rate / 200))) if rate else _SLICE_BYTES

    def _wait_for_rate(self, count: int) -> None:
        rate = self._brain.rate_bytes_per_s
        if rate:
            now_s = time.monotonic()
            self._due_s = max(self._due_s, now_s - 0.05) + count / rate
            self._door.closing.wait(max(0.0, self._due_s - now_s))

    # Faults ------------------------------------------------------------------------------------------------------

    def _struck(self, answer: Answer) -> bool:
        """Let the line fail; True if it recovers."""
        if answer.strike == "stall":
            answer.strike = ""
            return self._stall(answer.stall_s)
        if answer.strike == "reset":
            self._wait_until_arrived()
            # With this, close sends RST instead of FIN. The door has the socket too and closes it last.
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(_LINGER, 1, 0))
        else:
            self._sock.shutdown(socket.SHUT_RDWR)
        return False

    def _wait_until_arrived(self) -> None:
        """Until the other side's system has all that was sent: a reset throws away what still waits to leave here.

        Such bytes were never on the line, and would be counted as sent.
        """
        until_s = time.monotonic() + _ARRIVAL_S
        while _unsent_bytes(self._sock) and time.monotonic() < until_s:
            time.sleep(0.0005)

    def _stall(self, for_s: float | None) -> bool:
        """Say nothing until the client or the door closes the connection, or the time is over."""
        self._sock.settimeout(for_s)
        try:
            while self._sock.recv(4096):
                pass
        except TimeoutError:
            return True
        finally:
            self._sock.settimeout(None)
        return False

    def _drip(self, exchange: Exchange, answer: Answer, position: int) -> bool:
        gap_s = max(0.02, 1 / answer.drip_bytes_per_s)
        while position < answer.end:
            end = min(answer.end, position + max(1, round(gap_s * answer.drip_bytes_per_s)))
            self._sock.sendall(_slice_of(answer, position, end))
            exchange.bytes_sent += end - position
            position = end
            if self._door.closing.wait(gap_s):
                return False
        return True


_LINGER = "HH" if os.name == "nt" else "ii"


def _unsent_bytes(sock: socket.socket) -> int:
    """What the system still keeps, until the other side's acknowledges it; 0 where it does not tell."""
    if sys.platform != "linux":
        return 0
    return int.from_bytes(fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder)


def _can_sendfile(sock: socket.socket) -> bool:
    return hasattr(os, "sendfile") and not isinstance(sock, ssl.SSLSocket)


def _slice_of(answer: Answer, begin: int, end: int) -> bytes | memoryview:
    data = answer.content.read(begin, end)
    return answer.alter(begin, bytes(data)) if answer.alter else data


def _head(answer: Answer) -> bytes:
    length = answer.length if answer.announced_bytes is None else answer.announced_bytes
    headers = {**answer.headers, "Content-Length": str(length)}
    if answer.no_length:
        del headers["Content-Length"]
    if answer.end_connection:
        headers["Connection"] = "close"
    reason = http.client.responses.get(answer.status, "Unknown")
    lines = [f"HTTP/1.1 {answer.status} {reason}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
