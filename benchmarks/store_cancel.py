"""How long a download takes to stop, in everything that it may be waiting for.

Against the tests' fake Hub in this process. Acknowledged: from the cancel until the transfer returns, so that the job
is over for the user. Quiet: from the cancel until the server has sent its last byte and heard its last question.
"""

import argparse
import hashlib
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.measure import report
from tests.fakes.hub import FakeHub
from wan_desktop.core.errors import JobCancelled
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.fetcher import TransferLimits
from wan_desktop.core.store.hub import HubClient
from wan_desktop.core.store.manifest import Origin
from wan_desktop.core.store.part_file import WantedFile
from wan_desktop.core.store.transfer import Transfer

_REPO, _FILE = "wan/model", "weights.safetensors"
_WATCH_S = 0.8
"""So long the server is watched after the cancel."""


@dataclass(frozen=True, slots=True)
class _Case:
    """What goes on when the user has had enough."""

    name: str
    fault: Mapping[str, Any]
    limits: TransferLimits = field(default_factory=TransferLimits)
    rate_bytes_per_s: float = 0.0


_CASES = (
    _Case("receiving as fast as it can", {}),
    _Case("receiving at 1 MB/s a line", {}, rate_bytes_per_s=1e6),
    _Case("a limit of 1 MB/s", {}, TransferLimits(bytes_per_s=1_000_000)),
    _Case("the server is silent", {"kind": "stall", "host": "cdn", "after": 300_000}),
    _Case("the server drips", {"kind": "drip", "host": "cdn", "after": 300_000, "rate": 20}),
    _Case("429, wait 600 s", {"kind": "status_429", "host": "cdn", "retry_after": 600}),
    _Case("503, between two tries", {"kind": "status_503", "host": "cdn"}),
    _Case("connection refused, between two tries", {"kind": "refused", "host": "cdn"}),
)


@dataclass(frozen=True, slots=True)
class _Stop:
    acknowledged_s: float
    quiet_s: float


def _stop(hub: FakeHub, case: _Case, sha256: str, size_bytes: int, folder: Path) -> _Stop:
    hub.clear_faults()
    hub.rate_limit(case.rate_bytes_per_s)
    if case.fault:
        hub.fault(**{"match": _FILE, "times": None, **case.fault})
    origin = Origin(_REPO, hub.head(_REPO), _FILE, size_bytes, sha256)
    wanted = WantedFile(origin, folder / "weights.part", folder / "weights.journal")
    context = JobContext("benchmark", lambda *_: None)
    returned_s: list[float] = []

    def work() -> None:
        try:
            Transfer(Disk(), HubClient(endpoint=hub.url), case.limits).run([wanted], context, lambda _: None)
        except JobCancelled:
            returned_s.append(time.perf_counter())

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.4)
    context.cancel_asked.set()
    cancelled_s = time.perf_counter()
    last_s, seen = cancelled_s, _activity(hub)
    while time.perf_counter() < cancelled_s + _WATCH_S:
        time.sleep(0.002)
        now = _activity(hub)
        if now != seen:
            last_s, seen = time.perf_counter(), now
    thread.join()
    if not returned_s:
        raise RuntimeError(f"{case.name}: it was over before the cancel")
    return _Stop(returned_s[0] - cancelled_s, last_s - cancelled_s)


def _activity(hub: FakeHub) -> tuple[int, int]:
    return hub.bytes_sent(), len(hub.requests)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench store_cancel", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see that it runs: the figures mean nothing")
    parser.add_argument("--runs", type=int, default=7, help="of each case")
    options = parser.parse_args(arguments)
    content = hashlib.shake_128(b"weights").digest(1 << 20) * (16 if options.quick else 2000)
    sha256 = hashlib.sha256(content).hexdigest()
    found: dict[str, list[_Stop]] = {case.name: [] for case in _CASES}
    with FakeHub() as hub:
        hub.add_repo(_REPO, {_FILE: content})
        for _ in range(1 if options.quick else options.runs):
            for case in _CASES[options.quick :]:  # a small file is here before anybody can cancel
                with tempfile.TemporaryDirectory() as folder:
                    found[case.name].append(_stop(hub, case, sha256, len(content), Path(folder)))
    _print("A download stops: acknowledged", found, lambda stop: stop.acknowledged_s, "each <= 0.1 s")
    _print("A download stops: network quiet", found, lambda stop: stop.quiet_s, "each <= 0.5 s")


def _print(title: str, found: Mapping[str, Sequence[_Stop]], value: Callable[[_Stop], float], goal: str) -> None:
    report(title, {name: [value(stop) for stop in stops] for name, stops in found.items() if stops}, goal=goal)


if __name__ == "__main__":
    main()
