"""Whom updates are believed from, and the small signed file that names the newest program."""

import json
import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from wan_desktop.core.errors import CatalogError, UpdateRefusedError
from wan_desktop.core.json_file import read_json
from wan_desktop.core.records import from_plain
from wan_desktop.core.update_fetcher import is_encrypted
from wan_desktop.core.words import mark, tr

ROOT_NAME, ADDRESS_NAME = "root.json", "address.json"
POINTER_FORMAT = 1
MAX_POINTER_BYTES = 65_536
_SETUP_BYTES = 4 << 30
_ADDRESS_BYTES = 10_000
_VERSION = re.compile(r"(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})")
_SETUP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.exe")
_SHA256 = re.compile(r"[0-9a-f]{64}")
BY_HAND = mark("Nothing was changed. Download the program by hand from its page if this stays so.")


@dataclass(frozen=True, slots=True)
class UpdateAddress:
    """Where the metadata and the files lie; both https.

    Raises:
        ValueError: One is not encrypted.
    """

    metadata: str
    files: str

    def __post_init__(self) -> None:
        for url in (self.metadata, self.files):
            if not is_encrypted(url):
                raise ValueError(f"{url!r} is no address that begins with https")


@dataclass(frozen=True, slots=True)
class UpdateSource:
    """Whom to believe, and where to ask."""

    root: bytes
    """The signed root metadata that comes with the program."""
    address: UpdateAddress


def bundled_source(resources: Path) -> UpdateSource | None:
    """What comes with the program; None where no keys do.

    Raises:
        CatalogError: It is there, and cannot be read.
    """
    folder = resources / "updates"
    try:
        root = (folder / ROOT_NAME).read_bytes()
        address = from_plain(UpdateAddress, read_json(folder / ADDRESS_NAME, limit_bytes=_ADDRESS_BYTES))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise CatalogError(
            tr("What the program needs to look for updates cannot be read."),
            hint=tr("Repair the installation."),
            details=str(error),
        ) from error
    return UpdateSource(root, address)


def system_name() -> str:
    """Such as "windows-x86_64"; the newest version is named for each system by itself."""
    system = {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")
    machine = platform.machine().lower()
    return f"{system}-{'x86_64' if machine in ('amd64', 'x86_64') else machine}"


@dataclass(frozen=True, slots=True)
class Pointer:
    """The small signed file of one system."""

    format: int
    version: str = ""
    setup: str = ""
    page: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """A newer program; every value is signed."""

    version: str
    setup: str
    """Name of the setup file."""
    size_bytes: int
    sha256: str
    page: str = ""
    """Says what is new; https."""


def read_pointer(data: bytes) -> Pointer:
    """The pointer in a signed file.

    Raises:
        UpdateRefusedError: It is none, or written for a newer program.
    """
    try:
        pointer = from_plain(Pointer, json.loads(data))
    except (ValueError, RecursionError) as error:
        raise not_believed(str(error)) from error
    if pointer.format != POINTER_FORMAT:
        raise UpdateRefusedError(
            tr("What is said of the newest program is written for a newer one than this."), hint=tr(BY_HAND)
        )
    if not _SETUP_NAME.fullmatch(pointer.setup) or ".." in pointer.setup:
        raise not_believed(f"the setup file is named {pointer.setup[:200]!r}")
    return pointer


def offer_of(pointer: Pointer, *, size_bytes: int, sha256: str) -> Offer:
    """What is offered, with what the signed metadata says of that file.

    Raises:
        UpdateRefusedError: It says something that cannot be right.
    """
    if not _SHA256.fullmatch(sha256) or not 0 < size_bytes <= _SETUP_BYTES:
        raise not_believed(f"{pointer.setup} has no sha256, or {size_bytes} bytes")
    page = pointer.page if is_encrypted(pointer.page) else ""
    return Offer(pointer.version, pointer.setup, size_bytes, sha256, page)


def version_numbers(version: str) -> tuple[int, ...]:
    """Such as (0, 2, 0), to compare.

    Raises:
        UpdateRefusedError: It is no version.
    """
    found = _VERSION.fullmatch(version)
    if found is None:
        raise not_believed(f"{version[:100]!r} is no version")
    return tuple(map(int, found.groups()))


def not_believed(details: str) -> UpdateRefusedError:
    """The error for what was signed and makes no sense all the same."""
    return UpdateRefusedError(
        tr("What is said of the newest program cannot be right, and is not believed."),
        hint=tr(BY_HAND),
        details=details,
    )
