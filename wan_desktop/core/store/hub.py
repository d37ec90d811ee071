"""What the Hub says of a repository: its commit, its files, their sizes and digests. The bytes are fetched elsewhere.

Nothing that the Hub says is trusted: names, sizes and digests are held against their rules before anybody sees them.
"""

import dataclasses
import ipaddress
import os
import re
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wan_desktop import __version__
from wan_desktop.core.errors import AccessDeniedError, ContentMismatchError, InputError
from wan_desktop.core.store.hub_request import HubQuestion
from wan_desktop.core.store.names import check_names, is_wanted
from wan_desktop.core.store.token import is_token
from wan_desktop.core.words import tr

DEFAULT_ENDPOINT = "https://huggingface.co"
MAX_FILES = 5000
MAX_FILE_BYTES = 1 << 40

_REPO_ID = re.compile(r"(?!.*(\.\.|--))\w([\w.-]{0,94}\w)?/\w([\w.-]{0,94}\w)?", re.ASCII)
_REVISION = re.compile(r"(?!.*\.\.)\w[\w./-]{0,199}", re.ASCII)
_SHA1 = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a repository; one of the two digests is known.

    Raises:
        ValueError: A value cannot be right.
    """

    filename: str
    size_bytes: int
    sha256: str = ""
    """Of LFS files."""
    git_sha1: str = ""
    """Of small files: of `blob <size>`, a zero byte and the content."""

    def __post_init__(self) -> None:
        if not 0 <= self.size_bytes <= MAX_FILE_BYTES:
            raise ValueError(f"{_shown(self.filename)} cannot have {str(self.size_bytes)[:30]} bytes")
        digests = [(_SHA256, self.sha256), (_SHA1, self.git_sha1)]
        if not (self.sha256 or self.git_sha1) or not all(rule.fullmatch(digest) for rule, digest in digests if digest):
            raise ValueError(f"{_shown(self.filename)} has no digest")


@dataclass(frozen=True, slots=True)
class RemoteRepo:
    """A repository at one commit, with the files that a model needs.

    Raises:
        ValueError: A value cannot be right.
        UnsafeNameError: A name must not become a file.
    """

    repo_id: str
    revision: str
    """The commit, 40 hex digits."""
    gated: bool
    """The bytes are only for those who accepted the licence."""
    files: tuple[RemoteFile, ...]
    licence: str = ""
    """As the author wrote it; empty if not at all."""

    def __post_init__(self) -> None:
        if not _REPO_ID.fullmatch(self.repo_id) or not _SHA1.fullmatch(self.revision):
            raise ValueError(f"{self.repo_id!r} at {self.revision!r} is no commit of a repository")
        if len(self.files) > MAX_FILES:
            raise ValueError(f"it holds more than {MAX_FILES} files")
        check_names(file.filename for file in self.files)

    @property
    def size_bytes(self) -> int:
        """Of all files together."""
        return sum(file.size_bytes for file in self.files)


def _shown(text: str) -> str:
    return repr(text[:80])


def _never_cancelled() -> None:
    """Go on."""


def _no_token() -> str | None:
    return None


class HubClient:
    """Asks the Hub; for any thread.

    Args:
        endpoint: Address of the Hub; by default `HF_ENDPOINT` or the public one.
        token: Gives the access token when it is needed; it goes to the Hub only, and only encrypted.
        timeout_s: Without a byte; an answer may take three times as long.
        waits_s: Before each further try, when trying again may help.
    """

    def __init__(
        self,
        *,
        endpoint: str = "",
        token: Callable[[], str | None] = _no_token,
        timeout_s: float = 10.0,
        waits_s: tuple[float, ...] = (0.3, 0.8, 2.0),
    ) -> None:
        self.endpoint = (endpoint or os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT).strip().rstrip("/")
        self._token = token
        self._timeout_s = timeout_s
        self._waits_s = waits_s

    # Addresses ---------------------------------------------------------------------------------------------------

    def file_url(self, repo_id: str, revision: str, filename: str) -> str:
        """Where to ask for a file."""
        name = urllib.parse.quote(filename)
        return f"{self.endpoint}/{repo_id}/resolve/{urllib.parse.quote(revision, safe='')}/{name}"

    def page_url(self, repo_id: str) -> str:
        """The repository's page, for people."""
        return f"{self.endpoint}/{repo_id}"

    def headers_for(self, url: str) -> dict[str, str]:
        """What to send along: who we are, and the token if the address is the Hub's own and nobody can listen.

        Raises:
            AccessDeniedError: The token cannot be one.
        """
        headers = {"User-Agent": f"wan-desktop/{__version__}"}
        if _origin(url) != _origin(self.endpoint) or not _is_private(url):
            return headers
        token = (self._token() or "").strip()
        if token and not is_token(token):
            raise AccessDeniedError(
                tr("The access token holds spaces or letters that no token has."),
                hint=tr("Enter the access token again."),
            )
        return {**headers, "Authorization": f"Bearer {token}"} if token else headers

    # Questions ---------------------------------------------------------------------------------------------------

    def repo(
        self, repo_id: str, revision: str = "main", *, check_cancelled: Callable[[], None] = _never_cancelled
    ) -> RemoteRepo:
        """The repository at the commit that `revision` means now.

        Args:
            repo_id: `namespace/name`.
            revision: A branch, a tag or a commit.
            check_cancelled: Called at least five times a second; what it raises ends the question.

        Raises:
            RequestError: The name of the repository or of the revision cannot be one.
            OfflineError: The Hub cannot be reached, or is out of order or busy.
            ConnectionBlockedError: Something between this PC and the Hub answers instead.
            AccessDeniedError: The Hub wants a login, another token, or the licence to be accepted.
            RepositoryNotFoundError: There is no such repository or revision.
            UnsafeNameError: A file has a name that must not become a file.
            ContentMismatchError: The answer is not what a Hub says.
        """
        if not is_repo_id(repo_id):
            raise InputError(
                tr("{repo_id!r} is no name of a repository at the Hub.", repo_id=repo_id[:200]),
                hint=tr("Names look like Wan-AI/Wan2.2-TI2V-5B-Diffusers: letters, digits, and . _ - inside."),
            )
        if not _REVISION.fullmatch(revision):
            raise InputError(
                tr("{revision!r} is no revision.", revision=revision[:200]),
                hint=tr("Use main, a tag, or the id of a commit."),
            )
        ask = self._question(repo_id, check_cancelled)
        info = ask.json(f"/api/models/{repo_id}/revision/{urllib.parse.quote(revision, safe='')}")
        try:
            commit = _commit(info, revision)
            files = tuple(_files(ask.pages(f"/api/models/{repo_id}/tree/{commit}")))
            return RemoteRepo(repo_id, commit, bool(info.get("gated")), files, _licence(info))
        except ValueError as error:
            raise ContentMismatchError(
                tr("What the Hub says of {repo_id} cannot be used: {error}.", repo_id=repo_id, error=error),
                hint=tr("Try again later, or another mirror."),
            ) from error

    def check_access(self, repo: RemoteRepo, *, check_cancelled: Callable[[], None] = _never_cancelled) -> None:
        """Ask whether the Hub would give us the bytes; names and sizes of gated repositories are public.

        Raises:
            DownloadError: As `repo` does; an :class:`AccessDeniedError` says what to do about it.
        """
        if repo.files:
            url = self.file_url(repo.repo_id, repo.revision, repo.files[0].filename)
            self._question(repo.repo_id, check_cancelled).ask(url, method="HEAD")

    def probe(self, *, check_cancelled: Callable[[], None] = _never_cancelled) -> None:
        """Ask, once, whether the Hub can be reached.

        Raises:
            OfflineError: It cannot, or is out of order.
            ConnectionBlockedError: Something else answers.
            DownloadError: It refuses.
        """
        dataclasses.replace(self._question("", check_cancelled), waits_s=()).json("/api/models?limit=1")

    def _question(self, repo_id: str, check_cancelled: Callable[[], None]) -> HubQuestion:
        return HubQuestion(
            endpoint=self.endpoint,
            page=self.page_url(repo_id),
            headers_for=self.headers_for,
            check_cancelled=check_cancelled,
            timeout_s=self._timeout_s,
            waits_s=self._waits_s,
        )


def is_repo_id(text: str) -> bool:
    """Whether a repository at the Hub could be named like that: `namespace/name`."""
    return _REPO_ID.fullmatch(text) is not None and not text.endswith(".git")


def _origin(url: str) -> tuple[str, str, int]:
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return "", "", 0


def _is_private(url: str) -> bool:
    """Nobody on the way can read along: encrypted, or on this machine."""
    scheme, host, _ = _origin(url)
    if scheme == "https" or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


# What the answers say; none of it is trusted -------------------------------------------------------------------------


def _commit(info: Any, revision: str) -> str:
    commit = info.get("sha") if isinstance(info, dict) else None
    if not isinstance(commit, str) or not _SHA1.fullmatch(commit):
        raise ValueError(f"it names no commit for {revision}")
    if _SHA1.fullmatch(revision) and commit != revision:
        raise ValueError(f"asked for the commit {revision}, it names {commit}")
    return commit


def _files(entries: Iterator[Any]) -> Iterator[RemoteFile]:
    """The files that a model needs; all are counted."""
    count = 0
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
            raise ValueError("the list of files holds something else")
        if entry.get("type") != "file":
            continue
        count += 1
        if count > MAX_FILES:
            raise ValueError(f"it holds more than {MAX_FILES} files")
        if is_wanted(entry["path"]):
            yield _file(entry)


def _file(entry: Mapping[str, Any]) -> RemoteFile:
    filename, size, lfs = entry["path"], entry.get("size"), entry.get("lfs")
    if type(size) is not int:
        raise ValueError(f"{_shown(filename)} has no size")
    if lfs is None:
        return RemoteFile(filename, size, git_sha1=str(entry.get("oid")))
    if not isinstance(lfs, dict) or lfs.get("size") != size:
        raise ValueError(f"{_shown(filename)} has two sizes")
    return RemoteFile(filename, size, sha256=str(lfs.get("oid")))


def _licence(info: Mapping[str, Any]) -> str:
    card, tags = info.get("cardData"), info.get("tags")
    found = [card.get("license_name"), card.get("license")] if isinstance(card, dict) else []
    found += [tag.removeprefix("license:") for tag in (tags if isinstance(tags, list) else []) if _is_licence(tag)]
    names = [name for name in found if isinstance(name, str) and name]
    return names[0][:100] if names and names[0].isprintable() else ""


def _is_licence(tag: object) -> bool:
    return isinstance(tag, str) and tag.startswith("license:")
