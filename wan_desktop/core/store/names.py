"""Which names from the net may become files: those that mean the same file, inside the folder, on every system.

huggingface_hub refuses `..`, absolute names and drives, and takes `CON`, `a.json:stream`, `trail.` and names that
differ only in case; on Windows those are devices, hidden streams, other files. Here they are refused everywhere, so
that a library can move from one system to the other.
"""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath

from wan_desktop.core.errors import UnsafeNameError
from wan_desktop.core.words import tr

MAX_NAME_CHARACTERS = 200
MAX_PART_CHARACTERS = 120
MAX_PARTS = 4

_MAX_PART_BYTES = 220  # Linux ends at 255, and the names of our own temporary files are longer
_MAX_SHOWN_CHARACTERS = 80
_FORBIDDEN = frozenset('<>:"|?*\\')
_SHORT_NAME = re.compile(r"~\d")  # DIFFUS~1.SAF: a second name that Windows gives to a file
_DEVICES = frozenset(
    ["CON", "PRN", "AUX", "NUL", "CLOCK$", "CONIN$", "CONOUT$"]
    + [port + digit for port in ("COM", "LPT") for digit in "0123456789¹²³"]
)
_WANTED_SUFFIXES = (".safetensors", ".json", ".txt", ".model", ".gguf")
_WANTED_PAPERS = re.compile(r"README\.md|LICENSE([-_][A-Za-z0-9_-]*)?(\.(md|txt))?")


def is_wanted(filename: str) -> bool:
    """Whether a file of a repository is of a kind that a model needs; all others are never downloaded.

    This says nothing about the name being safe.
    """
    parts = filename.split("/")
    if any(part.startswith(".") and part not in (".", "..") for part in parts):
        return False
    name = PurePosixPath(parts[-1])
    return name.suffix in _WANTED_SUFFIXES or _WANTED_PAPERS.fullmatch(name.name) is not None


def check_name(filename: str) -> PurePosixPath:
    """The name as a relative path that stays below its folder on every system.

    Raises:
        UnsafeNameError: It must not become a file.
    """
    problem = _problem(filename)
    if problem:
        raise _unsafe(filename, problem)
    return PurePosixPath(filename)


def check_names(filenames: Iterable[str]) -> list[PurePosixPath]:
    """The names as relative paths, each of which is a file of its own on every system.

    Raises:
        UnsafeNameError: One must not become a file, or two cannot both be there.
    """
    paths = [check_name(filename) for filename in filenames]
    spellings: dict[str, str] = {}
    files: set[str] = set()
    folders: set[str] = set()
    for path in paths:
        name = str(path)
        above = ["/".join(path.parts[:count]) for count in range(1, len(path.parts))]
        for spelling in (*above, name):
            other = spellings.setdefault(_folded(spelling), spelling)
            if other != spelling:
                raise _unsafe(spelling, tr("{other} is the same where capitals do not count", other=_shown(other)))
        if name in files:
            raise _unsafe(name, tr("it is there twice"))
        files.add(name)
        folders.update(above)
    for both in sorted(files & folders):
        raise _unsafe(both, tr("it is a file and a folder at once"))
    return paths


def _problem(filename: str) -> str:
    """Why the name is refused; empty when it is not."""
    if not filename:
        return tr("it is empty")
    if len(filename) > MAX_NAME_CHARACTERS:
        return tr(
            "it has {number} characters, {most} are possible",
            number=len(filename),
            most=MAX_NAME_CHARACTERS,
        )
    if not filename.isprintable():
        return tr("it holds control characters, or others that cannot be seen")
    if not unicodedata.is_normalized("NFC", filename):
        return tr("its letters are not composed as usual (NFC)")
    forbidden = sorted(_FORBIDDEN.intersection(filename))
    if forbidden:
        return tr("it holds {forbidden}", forbidden=" ".join(forbidden))
    parts = filename.split("/")
    if len(parts) > MAX_PARTS:
        return tr("it lies {number} levels deep, {most} are possible", number=len(parts), most=MAX_PARTS)
    return next(filter(None, map(_problem_of_part, parts)), "")


def _problem_of_part(part: str) -> str:
    if not part:
        return tr("a part of it is empty")
    if part.startswith("."):
        return tr("a part of it begins with a dot")
    if part != part.strip(" ") or part.endswith("."):
        return tr("a part of it begins or ends with a space, or ends with a dot")
    if len(part) > MAX_PART_CHARACTERS or len(part.encode()) > _MAX_PART_BYTES:
        return tr(
            "a part of it is longer than {max_part_characters} characters or {max_part_bytes} bytes",
            max_part_characters=MAX_PART_CHARACTERS,
            max_part_bytes=_MAX_PART_BYTES,
        )
    if part.partition(".")[0].rstrip(" ").upper() in _DEVICES:
        return tr("a part of it is the name of a device on Windows")
    if _SHORT_NAME.search(part):
        return tr("a part of it can be the short form of another name on Windows")
    return ""


def _folded(name: str) -> str:
    # Upper case first: some letters, such as the dotless i, have the capital of another letter but fold to themselves.
    return unicodedata.normalize("NFC", name.upper().casefold())


def _shown(name: str) -> str:
    return repr(name if len(name) <= _MAX_SHOWN_CHARACTERS else name[:_MAX_SHOWN_CHARACTERS] + "…")


def _unsafe(name: str, problem: str) -> UnsafeNameError:
    return UnsafeNameError(
        tr("The file name {name} is refused: {problem}.", name=_shown(name), problem=problem),
        hint=tr("Choose another source of the model; this one may mean harm."),
    )
