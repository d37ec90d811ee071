"""In which packagings a model can be had: which files from which repositories make one, and how it is loaded.

A downloaded variant is a whole model folder of its own; what it shares with others is stored once. So one that brings
only other transformers names everything else from the official repository too.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from wan_desktop.core.errors import RepositoryNotFoundError, UnsafeNameError
from wan_desktop.core.store.conversion import Conversion
from wan_desktop.core.store.names import check_name
from wan_desktop.core.words import tr

MAX_BYTES = 1 << 42
"""Of anything that is downloaded."""
_VARIANT_NAME = re.compile(r"(?!.*--)[A-Za-z0-9]([A-Za-z0-9._-]{0,78}[A-Za-z0-9_-])?")
# As `store.hub.is_repo_id`; that module takes 25 ms to import, in which the window would stand still.
_REPO_ID = re.compile(r"(?!.*(\.\.|--))\w([\w.-]{0,94}\w)?/\w([\w.-]{0,94}\w)?", re.ASCII)


class Component(StrEnum):
    """What a part of a download is for."""

    CONFIG = "config"
    """The small files: configs, scheduler, tokenizer."""
    TRANSFORMER = "transformer"
    """With two experts, the one for high noise."""
    TRANSFORMER_2 = "transformer_2"
    """The expert for low noise."""
    TEXT_ENCODER = "text_encoder"
    IMAGE_ENCODER = "image_encoder"
    VAE = "vae"
    ALL = "all"
    """A whole repository."""


class WeightPrecision(StrEnum):
    """Number format of the transformers' weights on disk."""

    BF16 = "bf16"
    FP16 = "fp16"
    FP8 = "fp8"
    NVFP4 = "nvfp4"
    Q8_0 = "Q8_0"
    Q6_K = "Q6_K"
    Q5_K_M = "Q5_K_M"
    Q4_K_M = "Q4_K_M"
    Q4_0 = "Q4_0"
    UNKNOWN = "unknown"
    """Of a repository that nobody described."""


class Loading(StrEnum):
    """How the engine reads the transformers."""

    DIFFUSERS = "diffusers"
    """From their folders."""
    GGUF = "gguf"
    """From GGUF files, which stay quantised in memory."""
    SAFETENSORS = "safetensors"
    """From single safetensors files of plain numbers."""
    FP8_SCALED = "fp8_scaled"
    """From single safetensors files in 8 bits with scales, which become plain numbers while they are read."""
    REFUSED = "refused"
    """Not at all: it would load and make wrong pictures, or cannot be read."""


_SUFFIXES = {Loading.GGUF: ".gguf", Loading.SAFETENSORS: ".safetensors", Loading.FP8_SCALED: ".safetensors"}


@dataclass(frozen=True, slots=True)
class Part:
    """Files of one repository that belong to a variant.

    Raises:
        ValueError: A value cannot be right.
    """

    component: Component
    repo_id: str
    include: tuple[str, ...]
    """Names in the repository; `*` stands for any letters but a slash. Each must fit a file."""
    size_bytes: int
    """About what is downloaded; 0 if nobody knows."""
    size_on_disk_bytes: int
    """About what it takes in the end."""
    folder: str = ""
    """Where the files go in the model folder, by their last name; if empty, they lie there as in the repository."""
    conversion: Conversion = Conversion.NONE

    def __post_init__(self) -> None:
        check_repo_id("repo_id", self.repo_id)
        if not self.include:
            raise ValueError("include: it names no files")
        for pattern in self.include:
            check_path("include", pattern.replace("*", "x"))
            if "**" in pattern:
                raise ValueError(f"include: {pattern[:80]!r} has two stars side by side")
        if self.folder:
            check_path("folder", self.folder)
        for name in ("size_bytes", "size_on_disk_bytes"):
            check_number(name, getattr(self, name), 0, MAX_BYTES)
        if self.conversion is Conversion.NONE and self.size_bytes != self.size_on_disk_bytes:
            raise ValueError("size_on_disk_bytes: it differs from size_bytes, but nothing is converted")

    @property
    def exact_paths(self) -> tuple[str, ...]:
        """In the model folder, of the files that are named without a star."""
        return tuple(self._path(name) for name in self.include if "*" not in name)

    def choose(self, filenames: Iterable[str]) -> dict[str, str]:
        """Of a repository's files those that belong here, each with its path in the model folder.

        Raises:
            RepositoryNotFoundError: Something that belongs here is not there.
        """
        names = list(filenames)
        chosen: dict[str, str] = {}
        for pattern in self.include:
            found = [name for name in names if _regex(pattern).fullmatch(name)]
            if not found:
                raise RepositoryNotFoundError(
                    tr(
                        "{repo_id} has no file {pattern}, which belongs to the model.",
                        repo_id=self.repo_id,
                        pattern=pattern,
                    ),
                    hint=tr("Look for an update of this program, or choose another version of the model."),
                )
            chosen |= {name: self._path(name) for name in found}
        return chosen

    def _path(self, filename: str) -> str:
        return f"{self.folder}/{filename.rpartition('/')[2]}" if self.folder else filename


@dataclass(frozen=True, slots=True)
class Variant:
    """One packaging of a model, in some precision: smaller ones are not quite the same.

    Raises:
        ValueError: A value cannot be right, or two contradict each other.
    """

    name: str
    """bf16, Q8_0, fp8_scaled, ...; how it is asked for."""
    description: str
    precision: WeightPrecision
    loads: Loading
    parts: tuple[Part, ...] = ()
    """What is downloaded, in this order: what is converted first, as it needs more space while it is; then the rest,
    the largest last. Empty for a variant that comes with the program."""
    transformer_files: tuple[str, ...] = ()
    """Files that the engine reads instead of the transformers' folders: for one transformer or the one for high noise,
    then the one for low noise. Relative to the model folder; without parts, relative to the resources."""
    refused_because: str = ""
    """Part of a sentence, without its full stop."""

    def __post_init__(self) -> None:
        if not _VARIANT_NAME.fullmatch(self.name):
            raise ValueError(f"name: {self.name[:80]!r} cannot be the name of a variant")
        check_text("description", self.description)
        check_text("refused_because", self.refused_because)
        for file in self.transformer_files:
            check_path("transformer_files", file)
        if self.loads is Loading.REFUSED:
            self._check_refused()
        elif self.refused_because:
            raise ValueError(f"refused_because: it has a reason, but loads as {self.loads}")
        elif self.loads is Loading.DIFFUSERS:
            self._check_folders()
        else:
            self._check_files(_SUFFIXES[self.loads])

    def _check_refused(self) -> None:
        if not self.refused_because:
            raise ValueError("refused_because: it has no reason")
        if self.parts or self.transformer_files:
            raise ValueError("parts: what is refused is not downloaded")

    def _check_folders(self) -> None:
        if not self.parts:
            raise ValueError("parts: it names nothing to download")
        if self.transformer_files:
            raise ValueError(f"transformer_files: they are given, but it loads as {self.loads}")

    def _check_files(self, suffix: str) -> None:
        if not 1 <= len(self.transformer_files) <= 2:
            raise ValueError(f"transformer_files: {len(self.transformer_files)} files for one or two transformers")
        downloaded = {path for part in self.parts for path in part.exact_paths}
        for file in self.transformer_files:
            if not file.endswith(suffix):
                raise ValueError(f"transformer_files: {file!r} does not end with {suffix}")
            if self.parts and file not in downloaded:
                raise ValueError(f"transformer_files: {file!r} is in no part")

    @property
    def is_refused(self) -> bool:
        """It is listed only to say why it cannot be used."""
        return self.loads is Loading.REFUSED

    @property
    def download_bytes(self) -> int:
        """About all that is downloaded, if nothing of it is here yet."""
        return sum(part.size_bytes for part in self.parts)

    @property
    def size_on_disk_bytes(self) -> int:
        """About what it takes when it is complete."""
        return sum(part.size_on_disk_bytes for part in self.parts)


def _regex(pattern: str) -> re.Pattern[str]:
    return re.compile("[^/]*".join(re.escape(piece) for piece in pattern.split("*")))


def check_number(field: str, value: float, low: float, high: float) -> None:
    """Raise ValueError unless the value is in the range."""
    if not low <= value <= high:
        raise ValueError(f"{field}: {str(value)[:40]} is not between {low} and {high}")


def check_text(field: str, text: str, *, max_characters: int = 1000) -> None:
    """Raise ValueError unless people can read the text."""
    if len(text) > max_characters:
        raise ValueError(f"{field}: it has {len(text)} letters, {max_characters} are possible")
    if not text.isprintable():
        raise ValueError(f"{field}: it holds letters that cannot be printed")


def check_path(field: str, path: str) -> None:
    """Raise ValueError unless the path stays below its folder on every system."""
    try:
        check_name(path)
    except UnsafeNameError as error:
        raise ValueError(f"{field}: {error.message}") from error


def check_repo_id(field: str, repo_id: str) -> None:
    """Raise ValueError unless a repository at the Hub could be named like that."""
    if not _REPO_ID.fullmatch(repo_id) or repo_id.endswith(".git"):
        raise ValueError(f"{field}: {repo_id[:100]!r} is no name of a repository")
