"""A package index on the loopback device: pages in JSON or HTML, files with ranges, and faults on demand."""

import collections
import html
import http.server
import json
import re
import threading
import urllib.parse
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.fakes.wheels import BuiltWheel

_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


@dataclass
class WheelServer:
    """Serves wheels below `/simple/NAME/`, those of local versions below `/whl/LOCAL/NAME/`."""

    speaks_json: bool = True
    tells_hashes: bool = True
    tells_sizes: bool = True
    wrong_bytes: set[str] = field(default_factory=set)
    """File names that are served with other bytes."""
    gone: set[str] = field(default_factory=set)
    """Projects and files that are answered with 404."""
    page_text: bytes | None = None
    """Answered for every page."""
    asked: collections.Counter[str] = field(default_factory=collections.Counter)
    """Paths and how often."""
    sent_bytes: collections.Counter[str] = field(default_factory=collections.Counter)
    """By file name."""

    def __post_init__(self) -> None:
        self._wheels: dict[str, BuiltWheel] = {}
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                owner.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def add(self, *wheels: BuiltWheel) -> None:
        self._wheels |= {wheel.filename: wheel for wheel in wheels}

    @property
    def all_sent_bytes(self) -> int:
        return sum(self.sent_bytes.values())

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        path = urllib.parse.unquote(request.path)
        self.asked[path] += 1
        parts = path.strip("/").split("/")
        if parts[-1] in self.gone:
            self._send(request, 404, b"", "text/plain")
        elif parts[0] == "files":
            self._send_file(request, parts[1])
        else:
            local = parts[1] if parts[0] == "whl" else ""
            self._send_page(request, parts[-1], local)

    def _send_page(self, request: http.server.BaseHTTPRequestHandler, name: str, local: str) -> None:
        found = [one for one in self._wheels.values() if one.name == name and one.version.partition("+")[2] == local]
        if not found:
            self._send(request, 404, b"", "text/plain")
            return
        content, kind = self._json(found) if self.speaks_json else self._html(found)
        self._send(request, 200, content if self.page_text is None else self.page_text, kind)

    def _json(self, wheels: list[BuiltWheel]) -> tuple[bytes, str]:
        files = []
        for wheel in wheels:
            file: dict[str, object] = {
                "filename": wheel.filename,
                "url": f"/files/{urllib.parse.quote(wheel.filename)}",
            }
            file["hashes"] = {"sha256": wheel.sha256} if self.tells_hashes else {}
            if self.tells_sizes:
                file["size"] = len(wheel.content)
            files.append(file)
        page = {"meta": {"api-version": "1.1"}, "name": wheels[0].name, "files": files}
        return json.dumps(page).encode(), "application/vnd.pypi.simple.v1+json"

    def _html(self, wheels: list[BuiltWheel]) -> tuple[bytes, str]:
        links = []
        for wheel in wheels:
            fragment = f"#sha256={wheel.sha256}" if self.tells_hashes else ""
            address = f"../../../files/{urllib.parse.quote(wheel.filename)}{fragment}"
            links.append(f'<a href="{html.escape(address)}" data-requires-python="&gt;=3.8">{wheel.filename}</a><br/>')
        return f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode(), "text/html"

    def _send_file(self, request: http.server.BaseHTTPRequestHandler, filename: str) -> None:
        content = self._wheels[filename].content
        if filename in self.wrong_bytes:
            content = bytes(byte ^ 1 for byte in content)
        asked = _RANGE.fullmatch(request.headers.get("Range", ""))
        begin, end = (int(asked[1]), min(int(asked[2]) + 1, len(content))) if asked else (0, len(content))
        self.sent_bytes[filename] += end - begin
        request.send_response(206 if asked else 200)
        if asked:
            request.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(content)}")
        self._body(request, content[begin:end], "application/octet-stream")

    def _send(self, request: http.server.BaseHTTPRequestHandler, status: int, content: bytes, kind: str) -> None:
        request.send_response(status)
        self._body(request, content, kind)

    def _body(self, request: http.server.BaseHTTPRequestHandler, content: bytes, kind: str) -> None:
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        try:
            request.wfile.write(content)
        except OSError:  # who asked has gone
            request.close_connection = True
