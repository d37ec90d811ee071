"""What a Hub and its CDN answer when nothing goes wrong."""

import dataclasses
import hashlib
import re
import time
import urllib.parse
from collections.abc import Mapping

from tests.fakes.hub.answers import Answer, Call
from tests.fakes.hub.repositories import Doors, Entry, Repository

_MODEL = r"/(?P<repo>[^/]+/[^/]+)"


class Api:
    """The answers, from the repositories; for one thread at a time."""

    def __init__(self, doors: Doors, cdn_url: str) -> None:
        self.repositories: dict[str, Repository] = {}
        self.page_size = 1000
        self.url_lifetime_s = 3600.0
        self.expired_status = 403
        self.small_files_redirect = False
        self.signing = 0
        """Another number makes all signatures before it bad."""
        self._doors = doors
        self._cdn_url = cdn_url

    def hub_answer(self, call: Call) -> Answer:
        """What the Hub says."""
        for pattern, respond in _ROUTES:
            if found := pattern.fullmatch(call.raw_path):
                parts = {name: urllib.parse.unquote(value) for name, value in found.groupdict("").items()}
                return respond(self, call, parts)
        return Answer.error(404, "Sorry, we can't find the page you are looking for.")

    def cdn_answer(self, call: Call) -> Answer:
        """What the CDN says."""
        if call.raw_path.startswith("/off-host/"):
            raw_path = call.raw_path.removeprefix("/off-host")
            return self.hub_answer(dataclasses.replace(call, path=urllib.parse.unquote(raw_path), raw_path=raw_path))
        found = _CDN_PATH.fullmatch(call.path)
        entry = self._entry_of(found.groupdict()) if found else None
        if entry is None:
            return Answer.of_text(404, "<Error><Code>NoSuchKey</Code></Error>", "application/xml")
        expires = call.query.get("Expires", "0")
        in_time = expires.isdecimal() and int(expires) >= time.time()
        if not in_time or call.query.get("Signature") != self._signature(call.path, expires):
            text = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
            return Answer.of_text(self.expired_status, text, "application/xml")
        return Answer.of_blob(call, entry.content, {"ETag": f'"{entry.content.sha256}"'})

    def _signature(self, path: str, expires: str) -> str:
        return hashlib.sha256(f"{self.signing} {path} {expires}".encode()).hexdigest()

    def _signed(self, repo_id: str, commit: str, path: str) -> str:
        place = f"/{repo_id}/{commit}/{path}"
        expires = str(int(time.time() + self.url_lifetime_s))
        query = urllib.parse.urlencode({"Expires": expires, "Signature": self._signature(place, expires)})
        return f"{self._cdn_url}{urllib.parse.quote(place)}?{query}"

    def _entry_of(self, parts: Mapping[str, str]) -> Entry | None:
        repository = self.repositories.get(parts["repo"])
        commit = repository.find(parts["revision"]) if repository else None
        return repository.commits[commit].get(parts["path"]) if repository and commit else None

    def _find(
        self, call: Call, parts: Mapping[str, str], *, bytes_wanted: bool = False
    ) -> tuple[Repository, str] | Answer:
        """The repository and the commit, or why not."""
        repository = self.repositories.get(parts["repo"])
        status, code, message = self._doors.refusal(repository, call.authorization, bytes_wanted=bytes_wanted)
        if status or repository is None:
            return Answer.error(status or 404, message, code=code)
        revision = parts.get("revision") or "main"
        commit = repository.find(revision)
        if commit is None:
            return Answer.error(404, f"Invalid rev id: {revision}", code="RevisionNotFound")
        return repository, commit

    # Routes ------------------------------------------------------------------------------------------------------

    def _harnesses(self, _call: Call, _parts: Mapping[str, str]) -> Answer:
        return Answer.of_json({"standardEnvVars": [], "harnesses": {}})

    def _models(self, _call: Call, _parts: Mapping[str, str]) -> Answer:
        public = [repository for repository in self.repositories.values() if not repository.private]
        return Answer.of_json([{"id": repository.repo_id, "private": False} for repository in public])

    def _info(self, call: Call, parts: Mapping[str, str]) -> Answer:
        found = self._find(call, parts)
        if isinstance(found, Answer):
            return found
        repository, commit = found
        return Answer.of_json(repository.info(commit, blobs=call.query.get("blobs", "").lower() == "true"))

    def _tree(self, call: Call, parts: Mapping[str, str]) -> Answer:
        found = self._find(call, parts)
        if isinstance(found, Answer):
            return found
        repository, commit = found
        recursive = call.query.get("recursive", "").lower() == "true"
        items = repository.tree(commit, folder=parts["folder"], recursive=recursive)
        if not items and parts["folder"]:
            return _no_entry(commit)
        begin = int(call.query.get("cursor", 0))
        answer = Answer.of_json(items[begin : begin + self.page_size])
        if begin + self.page_size < len(items):
            query = urllib.parse.urlencode({**call.query, "cursor": begin + self.page_size})
            answer.headers["Link"] = f'<{call.arrived_at}{call.raw_path}?{query}>; rel="next"'
        return answer

    def _paths_info(self, call: Call, parts: Mapping[str, str]) -> Answer:
        found = self._find(call, parts)
        if isinstance(found, Answer):
            return found
        repository, commit = found
        wanted = urllib.parse.parse_qs(call.body.decode()).get("paths", [])
        items = repository.tree(commit)
        return Answer.of_json([item for item in items if item["path"] in wanted])

    def _resolve(self, call: Call, parts: Mapping[str, str]) -> Answer:
        found = self._find(call, parts, bytes_wanted=True)
        if isinstance(found, Answer):
            return found
        repository, commit = found
        entry = repository.commits[commit].get(parts["path"])
        if entry is None:
            return _no_entry(commit)
        if entry.lfs:
            answer = Answer.redirect(self._signed(repository.repo_id, commit, entry.path))
            answer.headers |= {
                "X-Repo-Commit": commit,
                "X-Linked-Etag": f'"{entry.content.sha256}"',
                "X-Linked-Size": str(entry.content.size_bytes),
            }
            return answer
        headers = {"X-Repo-Commit": commit, "ETag": f'"{entry.content.git_sha1}"'}
        if self.small_files_redirect and call.raw_path.startswith(f"/{repository.repo_id}/"):
            place = urllib.parse.quote(f"/api/resolve-cache/models/{repository.repo_id}/{commit}/{entry.path}")
            answer = Answer.redirect(place, status=307)
            answer.headers |= headers
            return answer
        return Answer.of_blob(call, entry.content, headers)


def _no_entry(commit: str) -> Answer:
    answer = Answer.error(404, "Entry not found", code="EntryNotFound")
    answer.headers["X-Repo-Commit"] = commit
    return answer


_CDN_PATH = re.compile(_MODEL + r"/(?P<revision>[^/]+)/(?P<path>.+)")
_ROUTES = [
    (re.compile(r"/api/agent-harnesses"), Api._harnesses),
    (re.compile(r"/api/models"), Api._models),
    (re.compile(rf"/api/models{_MODEL}"), Api._info),
    (re.compile(rf"/api/models{_MODEL}/revision/(?P<revision>[^/]+)"), Api._info),
    (re.compile(rf"/api/models{_MODEL}/tree/(?P<revision>[^/]+)(?:/(?P<folder>.+))?"), Api._tree),
    (re.compile(rf"/api/models{_MODEL}/paths-info/(?P<revision>[^/]+)"), Api._paths_info),
    (re.compile(rf"{_MODEL}/resolve/(?P<revision>[^/]+)/(?P<path>.+)"), Api._resolve),
    (re.compile(rf"/api/resolve-cache/models{_MODEL}/(?P<revision>[^/]+)/(?P<path>.+)"), Api._resolve),
]
