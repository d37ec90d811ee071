"""A repository of updates with real keys and signatures, and a server for it that can be told to misbehave."""

import datetime
import hashlib
import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

ROLES = ("root", "timestamp", "snapshot", "targets")
SYSTEM = "windows-x86_64"


def in_time(**units: float) -> datetime.datetime:
    """A date from now on, to the second, as metadata has it."""
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(**units)).replace(microsecond=0)


class UpdateServer:
    """Serves what `files` holds, or lets `behaviours` speak instead; on loopback only."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.behaviours: dict[str, Callable[[http.server.BaseHTTPRequestHandler], None]] = {}
        self.asked: list[str] = []
        self.closing = threading.Event()
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                try:
                    server.answer(self)
                except OSError:
                    self.close_connection = True  # the client has gone

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as in the base class
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        """As it was told, or as a plain server of files that knows ranges."""
        if behaviour := self.behaviours.get(request.path):
            behaviour(request)
            return
        data = self.files.get(request.path)
        if data is None:
            request.send_error(404)
            return
        begin, end = _range(request.headers.get("Range", ""), len(data))
        request.send_response(206 if "Range" in request.headers else 200)
        request.send_header("Content-Length", str(end - begin))
        if "Range" in request.headers:
            request.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(data)}")
        request.end_headers()
        request.wfile.write(data[begin:end])

    def close(self) -> None:
        """Stop it."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # Misbehaviour -----------------------------------------------------------------------------------------------------

    def never_ends(self, request: http.server.BaseHTTPRequestHandler) -> None:
        """Bytes without an end, as fast as they go."""
        request.send_response(200)
        request.end_headers()
        while not self.closing.is_set():
            request.wfile.write(b" " * 65_536)

    def drips(self, request: http.server.BaseHTTPRequestHandler) -> None:
        """A byte every now and then, so that it is never quite silent."""
        request.send_response(200)
        request.send_header("Content-Length", "10000")
        request.end_headers()
        while not self.closing.is_set():
            request.wfile.write(b" ")
            time.sleep(0.05)

    def drips_headers(self, request: http.server.BaseHTTPRequestHandler) -> None:
        """The same, before the answer has begun."""
        request.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not self.closing.is_set():
            request.wfile.write(b"X-Header: more\r\n")
            time.sleep(0.05)


def _range(header: str, size: int) -> tuple[int, int]:
    if not header:
        return 0, size
    first, last = header.removeprefix("bytes=").split("-")
    return int(first), min(int(last) + 1, size)


class UpdateRepository:
    """Signs with keys of its own and publishes to a server; each `publish` is a new version of everything but root.

    Args:
        server: Where it is published.
        root_keys: How many keys root has; as many must sign.
    """

    def __init__(self, server: UpdateServer, *, root_keys: int = 1) -> None:
        self.server = server
        self.signers: dict[str, list[CryptoSigner]] = {
            role: [CryptoSigner.generate_ed25519() for _ in range(root_keys if role == "root" else 1)] for role in ROLES
        }
        self.root = Root(version=1, expires=in_time(days=365), consistent_snapshot=True)
        for role, signers in self.signers.items():
            for signer in signers:
                self.root.add_key(signer.public_key, role)
            self.root.roles[role].threshold = len(signers)
        self.targets = Targets(expires=in_time(days=30))
        self.snapshot = Snapshot(expires=in_time(days=30))
        self.timestamp = Timestamp(expires=in_time(days=2))
        for unpublished in (self.targets, self.snapshot, self.timestamp):
            unpublished.version = 0
        self.first_root = self.publish_root()

    # Content ----------------------------------------------------------------------------------------------------------

    def add_file(self, name: str, data: bytes) -> None:
        """A file that is signed, and served under its hash and its name."""
        self.targets.targets[name] = TargetFile.from_data(name, data, ["sha256"])
        folder, _, last = name.rpartition("/")
        digest = hashlib.sha256(data).hexdigest()
        self.server.files[f"/files/{folder}{'/' if folder else ''}{digest}.{last}"] = data

    def point_to(self, version: str, setup: str, **more: Any) -> None:
        """The small file that names the newest program."""
        pointer = {"format": 1, "version": version, "setup": setup, "page": "https://example.org/news", **more}
        self.add_file(f"{SYSTEM}.json", json.dumps(pointer).encode())

    def release(self, version: str, content: bytes) -> None:
        """A setup file, and the pointer to it, published."""
        setup = f"WanDesktop-{version}-setup.exe"
        self.add_file(setup, content)
        self.point_to(version, setup)
        self.publish()

    # Publishing -------------------------------------------------------------------------------------------------------

    def publish(self) -> None:
        """New targets, snapshot and timestamp."""
        self.targets.version += 1
        targets = self.signed("targets", self.targets)
        self._put(f"{self.targets.version}.targets.json", targets)
        self.publish_snapshot(targets)

    def publish_snapshot(self, targets: bytes) -> None:
        """A new snapshot and a new timestamp for these targets."""
        self.snapshot.version += 1
        self.snapshot.meta["targets.json"] = MetaFile.from_data(self.targets.version, targets, ["sha256"])
        snapshot = self.signed("snapshot", self.snapshot)
        self._put(f"{self.snapshot.version}.snapshot.json", snapshot)
        self.timestamp.snapshot_meta = MetaFile.from_data(self.snapshot.version, snapshot, ["sha256"])
        self.publish_timestamp()

    def publish_timestamp(self) -> None:
        """A new timestamp for the same."""
        self.timestamp.version += 1
        self._put("timestamp.json", self.signed("timestamp", self.timestamp))

    def publish_root(self, *, also_signed_by: tuple[CryptoSigner, ...] = ()) -> bytes:
        """Root as it is now, signed by its keys and those."""
        data = self.signed("root", self.root, also_signed_by)
        self._put(f"{self.root.version}.root.json", data)
        return data

    def signed(self, role: str, content: Any, also: tuple[CryptoSigner, ...] = ()) -> bytes:
        """Metadata as it is served."""
        metadata = Metadata(content)
        for signer in (*self.signers[role], *also):
            metadata.sign(signer, append=True)
        return metadata.to_bytes()

    def _put(self, name: str, data: bytes) -> None:
        self.server.files[f"/metadata/{name}"] = data

    def bundle(self, resources: Path) -> Path:
        """The folder of resources of a program that believes this repository."""
        folder = resources / "updates"
        folder.mkdir(parents=True)
        (folder / "root.json").write_bytes(self.first_root)
        address = {"metadata": f"{self.server.url}/metadata", "files": f"{self.server.url}/files"}
        (folder / "address.json").write_text(json.dumps(address), encoding="utf-8")
        return resources


def serving() -> Iterator[UpdateServer]:
    """For a fixture."""
    server = UpdateServer()
    yield server
    server.close()
