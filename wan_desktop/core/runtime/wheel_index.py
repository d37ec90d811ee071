"""From a lock to the files that make it: addresses and sizes, as package indexes tell them, hashes as the lock says.

An index is asked in its simple form, as JSON (PEP 691) or HTML (PEP 503). Nothing of its answer is trusted: a file
counts only when its sha256 stands in the lock.
"""

import html.parser
import json
import logging
import re
import urllib.parse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from wan_desktop.core.errors import DownloadError, RepositoryNotFoundError, WheelMissingError
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.runtime.lock import Pin, RuntimeKind, RuntimeLock
from wan_desktop.core.runtime.wheel_name import WheelName, parse_wheel_name
from wan_desktop.core.store.hub_request import HubQuestion
from wan_desktop.core.words import mark, tr

logger = logging.getLogger(__name__)

_ACCEPTED = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_AGENT = "wan-desktop"
_TOTAL = re.compile(r"bytes 0-0/(\d+)")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ASKED_AT_ONCE = 6
_TIMEOUT_S = 15.0
_WAITS_S = (1.0, 3.0)
_TRY_LATER = mark("Check the internet connection and the proxy, or install the engine from an engine package.")
_ELSEWHERE = mark("Try another network or mirror, install the newest version of the program, or use an engine package.")


@dataclass(frozen=True, slots=True)
class WheelSources:
    """Addresses of package indexes, in their simple form."""

    packages: str = ""
    """Told when the program is built, or in the settings; empty: nobody said."""
    torch: str = "https://download.pytorch.org/whl"
    """Of builds with a local version: `torch==2.13.0+cu130` lies below `cu130` there and is looked for nowhere else, so
    that an index that fails cannot let a build for the CPU take its place."""

    def project_page(self, pin: Pin) -> str:
        """The address of the page that lists a part's files.

        Raises:
            DownloadError: It comes from the package index, and nobody said where that is.
        """
        if not pin.local_version and not self.packages:
            raise DownloadError(
                tr("This copy of the program does not know where the parts of the render engine come from."),
                hint=tr("Enter a package index in Settings, Downloads, or install the engine from an engine package."),
            )
        base = f"{self.torch.rstrip('/')}/{pin.local_version}" if pin.local_version else self.packages.rstrip("/")
        return f"{base}/{pin.name}/"


@dataclass(frozen=True, slots=True)
class Wheel:
    """One file of a runtime."""

    filename: str
    url: str
    """Empty for files that came in a package."""
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class WheelPlan:
    """All files of a runtime, one for each part."""

    digest: str
    """Of the lock."""
    wheels: tuple[Wheel, ...]

    @property
    def size_bytes(self) -> int:
        """Of all files."""
        return sum(wheel.size_bytes for wheel in self.wheels)


@dataclass(frozen=True, slots=True)
class _Listed:
    """A file as an index lists it."""

    filename: str
    url: str
    sha256: str = ""
    size_bytes: int | None = None


class WheelIndex:
    """Asks the indexes.

    Args:
        sources: Their addresses.
        timeout_s: Without a byte.
        waits_s: Before each further try.
    """

    def __init__(
        self,
        sources: WheelSources | None = None,
        *,
        timeout_s: float = _TIMEOUT_S,
        waits_s: tuple[float, ...] = _WAITS_S,
    ) -> None:
        self._sources = sources or WheelSources()
        self._timeout_s = timeout_s
        self._waits_s = waits_s

    def find(self, lock: RuntimeLock, context: JobContext) -> WheelPlan:
        """The file of each part of the lock; some seconds.

        Raises:
            JobCancelled: It was asked to stop.
            WheelMissingError: An index has no file of the lock's hashes that fits.
            DownloadError: An index does not answer.
        """
        with ThreadPoolExecutor(_ASKED_AT_ONCE, "wheel-index") as pool:
            asked = [pool.submit(self._wheel, pin, lock.kind, context) for pin in lock.pins]
            try:
                wheels = tuple(one.result() for one in asked)
            finally:
                for one in asked:
                    one.cancel()
        return WheelPlan(lock.digest, wheels)

    def _wheel(self, pin: Pin, kind: RuntimeKind, context: JobContext) -> Wheel:
        page = self._sources.project_page(pin)
        listed = _best(_listed_files(*self._page(pin, page, context)), pin, kind)
        if listed is None:
            raise WheelMissingError(
                tr(
                    "{page} has no file of {part} {version} that is known.",
                    page=page,
                    part=pin.name,
                    version=pin.version,
                ),
                hint=tr(_ELSEWHERE),
            )
        _check_address(listed.url, page)
        size_bytes = listed.size_bytes if listed.size_bytes is not None else self._size(pin, listed.url, context)
        return Wheel(listed.filename, listed.url, size_bytes, listed.sha256)

    def _page(self, pin: Pin, page: str, context: JobContext) -> tuple[str, str, bytes]:
        """The page's address, type and content."""
        answer = self._ask(pin, page, context, {"Accept": _ACCEPTED})
        return str(answer.url), answer.headers.get("Content-Type", ""), answer.content

    def _size(self, pin: Pin, url: str, context: JobContext) -> int:
        """Asked for by its first byte: an index in HTML does not tell it."""
        answer = self._ask(pin, url, context, {"Accept": "*/*", "Accept-Encoding": "identity", "Range": "bytes=0-0"})
        found = _TOTAL.fullmatch(answer.headers.get("Content-Range", ""))
        if found is None:
            raise WheelMissingError(
                tr("{url} does not say how large the file is.", url=url), hint=tr(_ELSEWHERE), details=str(answer)
            )
        return int(found[1])

    def _ask(self, pin: Pin, url: str, context: JobContext, headers: dict[str, str]) -> Any:
        address = urllib.parse.urlsplit(url)
        question = HubQuestion(
            endpoint=f"{address.scheme}://{address.netloc}",
            page=url,
            headers_for=lambda _: {"User-Agent": _AGENT, **headers},
            check_cancelled=context.check_cancelled,
            timeout_s=self._timeout_s,
            waits_s=self._waits_s,
        )
        try:
            return question.ask(url)
        except RepositoryNotFoundError as error:
            raise WheelMissingError(
                tr("There is no {part} at {url}.", part=pin.name, url=url), hint=tr(_ELSEWHERE), details=error.message
            ) from error
        except DownloadError as error:  # what it says of models does not belong here
            raise type(error)(error.message, hint=tr(_TRY_LATER), details=url) from error


def _check_address(url: str, page: str) -> None:
    """A file's address is one, and no less safe than the index's.

    Raises:
        WheelMissingError: It is not.
    """
    parts = urllib.parse.urlsplit(url)
    wanted = ("https",) if page.startswith("https:") else ("https", "http")
    if parts.scheme not in wanted or not parts.hostname:
        raise WheelMissingError(tr("{page} leads to {url}.", page=page, url=url[:200]), hint=tr(_ELSEWHERE))


def _best(listed: Iterator[_Listed], pin: Pin, kind: RuntimeKind) -> _Listed | None:
    """Of the files that the lock knows, the one that fits best."""
    found: list[tuple[int, str, _Listed]] = []
    for file in listed:
        name = parse_wheel_name(file.filename)
        sha256 = file.sha256 or _only_hash(pin, name)
        if name is not None and name.name == pin.name and sha256 in pin.sha256 and name.fitness(kind):
            known = _Listed(file.filename, file.url, sha256, file.size_bytes)
            found.append((name.fitness(kind), file.filename, known))
    return max(found, key=lambda one: one[:2])[2] if found else None


def _only_hash(pin: Pin, name: WheelName | None) -> str:
    """For an index without hashes: the one that the lock has, if the name leaves no doubt; it is proven on arrival."""
    return pin.sha256[0] if name is not None and name.version == pin.version and len(pin.sha256) == 1 else ""


# What indexes answer -------------------------------------------------------------------------------------------------


def _listed_files(address: str, content_type: str, content: bytes) -> Iterator[_Listed]:
    """The files on a page; nothing where it is no such page."""
    try:
        if "json" in content_type:
            yield from _from_json(address, json.loads(content))
        else:
            yield from _from_html(address, content.decode("utf-8", errors="replace"))
    except (ValueError, RecursionError) as error:
        logger.warning("%s is no page of a package index: %s", address, error)


def _from_json(address: str, data: Any) -> Iterator[_Listed]:
    files = data.get("files") if isinstance(data, dict) else None
    for file in files if isinstance(files, list) else ():
        if not isinstance(file, dict):
            continue
        filename, url, hashes, size = (file.get(name) for name in ("filename", "url", "hashes", "size"))
        sha256 = hashes.get("sha256") if isinstance(hashes, dict) else None
        if isinstance(filename, str) and isinstance(url, str) and (sha256 is None or isinstance(sha256, str)):
            is_size = isinstance(size, int) and not isinstance(size, bool) and size >= 0
            yield _Listed(filename, urllib.parse.urljoin(address, url), sha256 or "", size if is_size else None)


def _from_html(address: str, text: str) -> Iterator[_Listed]:
    parser = _Links()
    parser.feed(text)
    base = urllib.parse.urljoin(address, parser.base)
    for link in parser.links:
        url, _, fragment = urllib.parse.urljoin(base, link).partition("#")
        name, _, value = fragment.partition("=")
        filename = urllib.parse.unquote(urllib.parse.urlsplit(url).path.rpartition("/")[2])
        yield _Listed(filename, url, value if name == "sha256" and _SHA256.fullmatch(value) else "")


class _Links(html.parser.HTMLParser):
    """The addresses of a page's links."""

    def __init__(self) -> None:
        super().__init__()
        self.base = ""
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a link, and where links begin."""
        target = dict(attrs).get("href") or ""
        if tag == "base" and not self.base:
            self.base = target
        elif tag == "a" and target:
            self.links.append(target)
