"""The fault matrix as one table: what can go wrong (A on the line, B at this PC, C with the state), in which operation.

The cells are made from the rows; `test_fault_matrix.py` runs them, and `oracle.Oracle` says what surviving means.
What is struck out says why.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.core.store.host_faults import ASKING, FETCHING, HOST, ON_DISK
from tests.core.store.model_world import Operation
from tests.core.store.state_faults import STATE
from wan_desktop.core.errors import (
    AccessDeniedError,
    ConnectionBlockedError,
    ContentMismatchError,
    JobCancelled,
    OfflineError,
    RepositoryNotFoundError,
)
from wan_desktop.core.store.blocks import BLOCK_BYTES

LOOKING = (Operation.VERIFY, Operation.REPAIR, Operation.LOAD, Operation.START)

# A: the line ---------------------------------------------------------------------------------------------------------

Strike = Mapping[str, Any]
"""What `FakeHub.fault` is called with."""
BLOB = "vae/.*safetensors"
"""A file that every fetching operation of the matrix needs."""
FAR = 300_000
"""Bytes into an answer, less than a block."""


def strike(kind: str, *, times: int | None = 2, **options: Any) -> Strike:
    """A fault of the Hub; at the bytes of one file unless said otherwise."""
    return {"kind": kind, "match": BLOB, "times": times, **options}


def always(kind: str, **options: Any) -> Strike:
    """A fault of the Hub that stays."""
    return strike(kind, times=None, **options)


@dataclass(frozen=True, slots=True)
class Variant:
    """One way in which a fault of the line shows."""

    strikes: tuple[Strike, ...]
    error: type[Exception] | None = None
    """How the operation must fail while the fault lasts; None when it must succeed."""
    operations: tuple[Operation, ...] = FETCHING
    traffic: float = 1.0
    """How often the missing bytes may come when it succeeds."""
    knows: bool = True
    """The program can know which of the blocks that came are right."""


def heals(*strikes: Strike, traffic: float = 1.0, **options: Any) -> Variant:
    """The fault ends by itself, and so must the operation, well."""
    return Variant(strikes, traffic=traffic, **options)


def lasts(error: type[Exception], *strikes: Strike, **options: Any) -> Variant:
    """The fault stays until the user does something about it."""
    return Variant(strikes, error, **options)


def at_api(error: type[Exception], kind: str, **options: Any) -> Variant:
    """The fault is where the Hub tells of repositories."""
    return lasts(error, always(kind, **{"match": "/api/models", **options}), operations=ASKING)


LINE: dict[str, tuple[Variant, ...]] = {
    "reset": (heals(strike("reset", after=FAR)), lasts(OfflineError, always("reset"))),
    "fin": (heals(strike("fin", after=FAR)), lasts(OfflineError, always("fin"))),
    "short-length": (
        heals(strike("short_length", by=5)),
        lasts(ContentMismatchError, always("short_length", by=5)),
    ),
    "long-body": (heals(strike("long_body")), lasts(ContentMismatchError, always("long_body"))),
    "stall": (heals(strike("stall", after=FAR)), lasts(OfflineError, always("stall"))),
    # A line that drips is a slow line: it goes on for as long as the user wants.
    "drip": (
        heals(strike("drip", after=FAR, rate=20)),
        heals(always("drip", after=FAR, rate=20), traffic=1.1),
        lasts(JobCancelled, always("drip", rate=20)),
    ),
    "refused": (heals(strike("refused")), lasts(OfflineError, always("refused"))),
    "dns": (heals(strike("dns")), lasts(OfflineError, always("dns"))),
    "tls-bad": (heals(strike("tls_bad", times=1)), lasts(ConnectionBlockedError, always("tls_bad"))),
    "401": (
        heals(strike("status_401", host="cdn")),
        lasts(AccessDeniedError, always("status_401", host="hub")),
        at_api(AccessDeniedError, "status_401"),
    ),
    "gated": (
        heals(strike("gated", host="hub", times=1)),
        lasts(AccessDeniedError, always("gated", host="hub")),
        at_api(AccessDeniedError, "gated"),
    ),
    "url-expired": (
        heals(strike("status_403", host="cdn")),
        heals(strike("status_410", host="cdn")),
        lasts(AccessDeniedError, always("status_403", host="cdn")),
    ),
    "file-gone": (
        heals(strike("status_404", host="cdn")),
        lasts(RepositoryNotFoundError, always("status_404", host="hub")),
    ),
    "revision-gone": (
        heals(strike("revision_gone", host="hub", times=1)),
        lasts(RepositoryNotFoundError, always("revision_gone", host="hub")),
        at_api(RepositoryNotFoundError, "revision_gone"),
    ),
    "408": (heals(strike("status_408")), lasts(OfflineError, always("status_408"))),
    "416": (heals(strike("status_416")), lasts(ContentMismatchError, always("status_416"))),
    "429": (
        heals(strike("status_429", retry_after=0)),
        heals(strike("status_429", retry_after=1, times=1)),
        lasts(OfflineError, always("status_429", retry_after=600)),
        at_api(OfflineError, "status_429", retry_after=600),
    ),
    "5xx": (
        heals(*(strike(f"status_{status}", times=1) for status in (500, 502, 503, 504))),
        lasts(OfflineError, always("status_500")),
        lasts(OfflineError, always("status_503")),
        at_api(OfflineError, "status_502"),
    ),
    # Then a whole file is all that can be had, and it is taken.
    "range-ignored": (
        heals(strike("ignore_range"), traffic=2.5),
        heals(always("ignore_range"), traffic=2.5, knows=False, operations=(Operation.INSTALL, Operation.UPDATE)),
        heals(always("ignore_range"), traffic=5.0, operations=(Operation.RESUME, Operation.REPAIR), knows=False),
    ),
    "wrong-slice": (
        heals(strike("wrong_slice"), traffic=4.0, knows=False),
        lasts(ContentMismatchError, always("wrong_slice"), knows=False),
    ),
    "wrong-total": (
        heals(strike("wrong_total")),
        heals(strike("wrong_range")),
        lasts(ContentMismatchError, always("wrong_total")),
        lasts(ContentMismatchError, always("wrong_range")),
    ),
    "flip": (
        heals(strike("flip", host="cdn", at=2 * BLOCK_BYTES + 99, times=1), traffic=4.0, knows=False),
        lasts(ContentMismatchError, always("flip", host="cdn", at=2 * BLOCK_BYTES + 99), knows=False),
    ),
    "swap": (
        heals(strike("swap"), traffic=4.0, knows=False),
        lasts(ContentMismatchError, always("swap"), knows=False),
    ),
    "gzip": (heals(strike("gzip")), lasts(ContentMismatchError, always("gzip"))),
    "captive": (
        heals(strike("captive")),
        lasts(ConnectionBlockedError, always("captive")),
        at_api(ConnectionBlockedError, "captive"),
    ),
    # What is said beside the bytes is not needed for them.
    "headers-missing": (heals(always("drop_header")),),
    "size-lies": (
        heals(always("size_lies", by=7, match=f"resolve/.*{BLOB}")),
        lasts(
            ContentMismatchError, always("size_lies", by=7, match="/tree/", file=BLOB), operations=ASKING, knows=False
        ),
    ),
    "redirect": (
        heals(strike("redirect_loop")),
        lasts(ContentMismatchError, always("redirect_loop")),
        heals(always("redirect_off_host", host="hub")),
    ),
    # The commit is pinned, so the move is of no account.
    "head-moves": (
        heals(strike("move_commit", times=1)),
        heals(strike("move_commit", match="/api/models/.*/tree/", times=1), operations=ASKING),
    ),
}


# Cells ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cell:
    """One fault in one operation."""

    block: str
    operation: Operation
    fault: str

    def __str__(self) -> str:
        return f"{self.block}-{self.operation}-{self.fault}"


def cells() -> Iterator[Cell]:
    """All of the table."""
    for fault in LINE:
        yield from (Cell("A", operation, fault) for operation in FETCHING)
    for fault, variants in HOST.items():
        ends = {operation for variant in variants for operation in variant.ends}
        yield from (Cell("B", operation, fault) for operation in ON_DISK if operation in ends)
    for fault, damage in STATE.items():
        yield from (Cell("C", operation, fault) for operation in LOOKING if operation not in damage.why_not)
