"""Repositories of the fake Hub: commits, what the API tells of them, and who may see them."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.hub.contents import Content

_LFS_SUFFIXES = (".safetensors", ".gguf", ".bin", ".pt", ".pth", ".ckpt", ".model", ".spm", ".zip", ".mp4", ".png")
_LFS_BYTES = 10 << 20
_DATE = "2026-02-03T04:05:06.000Z"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a commit."""

    path: str
    content: Content
    lfs: bool

    @property
    def blob_id(self) -> str:
        """What git knows of the file: of an LFS file that is the small text which points to it."""
        if not self.lfs:
            return self.content.git_sha1
        pointer = self._pointer()
        return hashlib.sha1(b"blob %d\0" % len(pointer) + pointer, usedforsecurity=False).hexdigest()

    def tree_item(self) -> dict[str, Any]:
        """As `tree` and `paths-info` list it."""
        item = {"type": "file", "oid": self.blob_id, "size": self.content.size_bytes, "path": self.path}
        return {**item, "lfs": {"oid": self.content.sha256, **self._lfs_sizes()}} if self.lfs else item

    def sibling(self, *, blobs: bool) -> dict[str, Any]:
        """As the information on a model lists it."""
        if not blobs:
            return {"rfilename": self.path}
        item = {"rfilename": self.path, "size": self.content.size_bytes, "blobId": self.blob_id}
        return {**item, "lfs": {"sha256": self.content.sha256, **self._lfs_sizes()}} if self.lfs else item

    def _lfs_sizes(self) -> dict[str, int]:
        return {"size": self.content.size_bytes, "pointerSize": len(self._pointer())}

    def _pointer(self) -> bytes:
        text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.content.sha256}\n"
        return f"{text}size {self.content.size_bytes}\n".encode()


Commit = Mapping[str, Entry]


@dataclass(slots=True)
class Repository:
    """All commits of a repository; the names (`main`, tags) point to some of them."""

    repo_id: str
    gated: bool = False
    private: bool = False
    licence: str = "apache-2.0"
    commits: dict[str, Commit] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    @property
    def head(self) -> str:
        """The newest commit."""
        return self.names["main"]

    def commit(self, contents: Mapping[str, Content], lfs: Collection[str] | None, revision: str | None) -> str:
        """Make a commit of these files, which becomes the head; returns its id."""
        entries = {
            path: Entry(path, content, _is_lfs(path, content) if lfs is None else path in lfs)
            for path, content in sorted(contents.items())
        }
        made = f"{self.repo_id} {len(self.commits)} {sorted(entries)}".encode()
        commit_id = revision or hashlib.sha1(made, usedforsecurity=False).hexdigest()
        self.commits[commit_id] = entries
        self.names["main"] = commit_id
        return commit_id

    def find(self, revision: str) -> str | None:
        """The commit of that id or name."""
        return revision if revision in self.commits else self.names.get(revision)

    def info(self, commit_id: str, *, blobs: bool) -> dict[str, Any]:
        """What the API says of the model at a commit."""
        return {
            "_id": "65f0000000000000000000aa",
            "id": self.repo_id,
            "modelId": self.repo_id,
            "author": self.repo_id.partition("/")[0],
            "sha": commit_id,
            "lastModified": _DATE,
            "createdAt": _DATE,
            "private": self.private,
            "gated": "auto" if self.gated else False,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "tags": ["diffusers", f"license:{self.licence}"],
            "cardData": {"license": self.licence},
            "siblings": [entry.sibling(blobs=blobs) for entry in self.commits[commit_id].values()],
        }

    def tree(self, commit_id: str, *, folder: str = "", recursive: bool = True) -> list[dict[str, Any]]:
        """All folders and files of a commit, or of one folder of it."""
        prefix = f"{folder}/" if folder else ""
        inside = [entry for path, entry in self.commits[commit_id].items() if path.startswith(prefix)]
        folders = {parent for entry in inside for parent in _parents(entry.path) if parent.startswith(prefix)}
        items: list[dict[str, Any]] = [
            {"type": "directory", "oid": hashlib.sha1(path.encode()).hexdigest(), "size": 0, "path": path}
            for path in sorted(folders)
        ]
        items += [entry.tree_item() for entry in inside]
        return [item for item in items if recursive or "/" not in item["path"].removeprefix(prefix)]


def _is_lfs(path: str, content: Content) -> bool:
    return path.endswith(_LFS_SUFFIXES) or content.size_bytes > _LFS_BYTES


def _parents(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


@dataclass(frozen=True, slots=True)
class Doors:
    """Who may see what: the tokens that the fake Hub knows."""

    full: str
    """May see everything."""
    stranger: str
    """A good token of somebody who was let into no repository."""

    def refusal(self, repository: Repository | None, authorization: str, *, bytes_wanted: bool) -> tuple[int, str, str]:
        """Status, error code and message; status 0 lets in. Names and sizes of gated repositories are public."""
        token = authorization.removeprefix("Bearer ")
        if token and token not in (self.full, self.stranger):
            return 401, "", "Invalid credentials in Authorization header"
        if repository is None or (repository.private and token != self.full):
            return (404, "RepoNotFound", "Repository not found") if token else _UNKNOWN
        if repository.gated and bytes_wanted and token != self.full:
            page = f"Access to model {repository.repo_id} is restricted. Visit its page to ask for access."
            return (403 if token else 401), "GatedRepo", page
        return 0, "", ""


_UNKNOWN = (401, "RepoNotFound", "Invalid username or password.")
Finder = Callable[[str], Repository | None]
