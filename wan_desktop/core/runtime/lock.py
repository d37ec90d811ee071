"""Which parts make an engine runtime: exact versions and their hashes, and no address.

A lock is a requirements file as pip and uv read it. It is the one authority on what may be installed: whatever an
index, a mirror or a package file brings is taken only when its sha256 stands here.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from wan_desktop.core.errors import RuntimeListError
from wan_desktop.core.words import mark, tr

PYTHON_VERSION = "3.11"
"""Of the interpreter in a runtime; wheels are chosen for it."""
SHORT_DIGEST_CHARACTERS = 8
"""Of the digest in names of folders: Windows' paths end at 260 characters, and some in a runtime have 167."""
_BUILD_FORMAT = 1
"""Raised when the same parts would be put together in another way, so that every runtime is made anew."""
_MAX_FILE_BYTES = 4_000_000
_PIN = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)==([0-9][A-Za-z0-9.]*(?:\+[a-z0-9.]+)?)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_SEPARATORS = re.compile(r"[-_.]+")
_HINT = mark("Install the program again; models, videos and settings stay.")


class RuntimeKind(StrEnum):
    """For which system and which card; also the name of the lock's file."""

    WINDOWS_CU130 = "windows-cu130"
    WINDOWS_CU126 = "windows-cu126"
    WINDOWS_CPU = "windows-cpu"
    LINUX_CPU = "linux-cpu"

    @property
    def is_windows(self) -> bool:
        """Its parts are for Windows."""
        return self is not RuntimeKind.LINUX_CPU


@dataclass(frozen=True, slots=True)
class Pin:
    """One part in its one version."""

    name: str
    """As the package indexes write it: lower case, with hyphens."""
    version: str
    sha256: tuple[str, ...]
    """Of every file that may stand for it, sorted."""

    @property
    def local_version(self) -> str:
        """What stands behind the plus sign, such as "cu130"; empty if nothing does."""
        return self.version.partition("+")[2]


@dataclass(frozen=True, slots=True)
class RuntimeLock:
    """All parts of one runtime."""

    kind: RuntimeKind
    pins: tuple[Pin, ...]
    """By name."""

    @property
    def digest(self) -> str:
        """Names the runtime: 64 hexadecimal digits that change when any part does; comments do not count."""
        pins = [[pin.name, pin.version, *pin.sha256] for pin in self.pins]
        return hashlib.sha256(json.dumps([_BUILD_FORMAT, PYTHON_VERSION, self.kind, pins]).encode()).hexdigest()

    @property
    def short_digest(self) -> str:
        """Its beginning, for names of folders and files."""
        return self.digest[:SHORT_DIGEST_CHARACTERS]

    @property
    def requirements(self) -> str:
        """The parts as the installer reads them."""
        hashes = {pin.name: "".join(f" --hash=sha256:{one}" for one in pin.sha256) for pin in self.pins}
        return "".join(f"{pin.name}=={pin.version}{hashes[pin.name]}\n" for pin in self.pins)

    def pin_of(self, sha256: str) -> Pin | None:
        """The part that a file of that hash may stand for; None if there is none."""
        return next((pin for pin in self.pins if sha256 in pin.sha256), None)


def normalised(name: str) -> str:
    """A package's name as all indexes write it (PEP 503)."""
    return _SEPARATORS.sub("-", name).lower()


def lock_file(resources: Path, kind: RuntimeKind) -> Path:
    """Where the lock of that kind lies among the program's resources."""
    return resources / "runtimes" / f"{kind}.lock"


def read_lock(resources: Path, kind: RuntimeKind) -> RuntimeLock:
    """The lock of that kind.

    Raises:
        RuntimeListError: It is not there or cannot be read, or holds something else than exact, hashed parts.
    """
    path = lock_file(resources, kind)
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise ValueError("it is too large")
        return parse_lock(kind, path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        raise RuntimeListError(
            tr("{file} cannot be read: {reason}.", file=path.name, reason=reason), hint=tr(_HINT), details=str(path)
        ) from error


def parse_lock(kind: RuntimeKind, text: str) -> RuntimeLock:
    """The lock that a requirements file describes.

    Raises:
        ValueError: A line is something else than one exact version with its hashes; the text names it.
    """
    pins: dict[str, Pin] = {}
    for line in _logical_lines(text):
        pin = _pin(line)
        if pin.name in pins:
            raise ValueError(f"{pin.name} is there twice")
        pins[pin.name] = pin
    if not pins:
        raise ValueError("it names no part")
    return RuntimeLock(kind, tuple(pins[name] for name in sorted(pins)))


def _logical_lines(text: str) -> list[str]:
    """Lines without comments, continued ones joined."""
    bare = (line.partition(" #")[0].strip() for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = "\n".join(bare).replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip()]


def _pin(line: str) -> Pin:
    requirement, *options = line.split()
    found = _PIN.fullmatch(requirement)
    hashes = [_HASH.fullmatch(option) for option in options]
    # Markers, addresses and options of pip among them: a lock is for one system and says nothing but what and which.
    if found is None or not hashes or not all(hashes):
        raise ValueError(f"“{line[:80]}” is not one exact version with its sha256")
    return Pin(normalised(found[1]), found[2], tuple(sorted({one[1] for one in hashes if one})))
