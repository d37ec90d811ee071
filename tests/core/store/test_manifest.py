"""What is written down about a model, and what is said when that is damaged."""

import copy
import errno
import hashlib
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.faulty_disk import HastyDisk
from wan_desktop.core.errors import ManifestError, UnsafeNameError
from wan_desktop.core.records import to_plain
from wan_desktop.core.store.blocks import BlockMap
from wan_desktop.core.store.conversion import Conversion
from wan_desktop.core.store.disk_file import DiskFile
from wan_desktop.core.store.manifest import (
    METADATA_FOLDER,
    FileStamp,
    Manifest,
    ManifestFile,
    Origin,
    read_block_map,
    read_manifest,
    read_stamps,
    write_block_map,
    write_manifest,
    write_stamps,
)

COMMIT, SHA1, SHA256 = "c0" * 20, "5a" * 20, "ab" * 32
NOW = "2026-11-24T10:22:30+00:00"
REPO = "Wan-AI/Wan2.2-T2V-A14B-Diffusers"
LARGE = Origin(REPO, COMMIT, "transformer/weights.safetensors", 40_000_000_000, sha256="12" * 32)
SMALL = Origin(REPO, COMMIT, "model_index.json", 500, git_sha1=SHA1)
FILE = ManifestFile("vae/vae.safetensors", 3 << 20, SHA256)
WHOLE = Manifest(
    "wan2.2-t2v-a14b",
    "Q8_0",
    (
        ManifestFile("transformer/weights.safetensors", 20_000_000_000, "cd" * 32, LARGE, Conversion.BF16),
        ManifestFile("model_index.json", 500, "ef" * 32, SMALL),
        FILE,
    ),
    NOW,
)
STAMP = FileStamp(FILE.size_bytes, 1_700_000_000_123_456_789, 1 << 63, NOW, SHA256)
STAMPS = {file.path: STAMP for file in WHOLE.files}
BLOCKS = BlockMap(FILE.size_bytes, bytes(range(48)))


class FullDisk(HastyDisk):
    """A disk that takes no new file."""

    def open(self, path: Path, *, create: bool = False) -> DiskFile:
        if create:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().open(path)


class BrokenDisk(HastyDisk):
    """A disk that cannot read."""

    def open_readonly(self, path: Path) -> DiskFile:
        raise OSError(errno.EIO, f"Input/output error: {path.name}")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The folder of a model."""
    folder = tmp_path / "models" / "wan"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def lasting_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model whose manifest hypothesis replaces again and again."""
    folder = tmp_path_factory.mktemp("model")
    (folder / METADATA_FOLDER).mkdir()
    return folder


def metadata(model: Path, name: str = "manifest.json") -> Path:
    """A file of what is written down about the model."""
    return model / METADATA_FOLDER / name


def put(model: Path, data: bytes, name: str = "manifest.json") -> None:
    """Make this the content of such a file."""
    metadata(model, name).parent.mkdir(exist_ok=True)
    metadata(model, name).write_bytes(data)


def sealed(plain: Any, key: str = "manifest") -> bytes:
    """The data with a checksum that is right."""
    canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return json.dumps({key: plain, "sha256": hashlib.sha256(canonical.encode()).hexdigest()}).encode()


def with_value(where: str, value: Any) -> Any:
    """The whole manifest as plain data, with one value replaced: `files.0.path`, say."""
    plain = to_plain(WHOLE)
    *way, last = [int(step) if step.isdecimal() else step for step in where.split(".")]
    target = plain
    for step in way:
        target = target[step]
    target[last] = value
    return plain


def manifest_or_none(model: Path) -> Manifest | None:
    """The manifest, None when it is damaged; other errors pass."""
    try:
        return read_manifest(HastyDisk(), model)
    except ManifestError:
        return None


def damaged_copies(data: bytes, count: int) -> Iterator[bytes]:
    """Every beginning of the data, and as many copies with one byte changed."""
    chance = random.Random(0)
    yield from (data[:length] for length in range(len(data)))
    for _ in range(count):
        changed = bytearray(data)
        changed[chance.randrange(len(data))] ^= chance.choice([1 << chance.randrange(8), chance.randrange(1, 256)])
        yield bytes(changed)


# Manifest ------------------------------------------------------------------------------------------------------------


def test_that_a_manifest_comes_back_as_it_was(model: Path) -> None:
    write_manifest(HastyDisk(), model, WHOLE)
    assert read_manifest(HastyDisk(), model) == WHOLE
    assert [path.name for path in metadata(model).parent.iterdir()] == ["manifest.json"]


def test_that_the_layout_is_the_one_that_an_older_version_wrote(model: Path) -> None:
    origin = {"repo_id": REPO, "revision": COMMIT, "filename": "a/b.json", "size_bytes": 5, "git_sha1": SHA1}
    file = {"path": "b.json", "size_bytes": 5, "sha256": SHA256, "origin": origin}
    put(model, sealed({"format": 1, "model_id": "wan", "variant": "bf16", "files": [file], "created_at": NOW}))
    expected = ManifestFile("b.json", 5, SHA256, Origin(REPO, COMMIT, "a/b.json", 5, git_sha1=SHA1))
    assert read_manifest(HastyDisk(), model) == Manifest("wan", "bf16", (expected,), NOW)


def test_that_a_manifest_knows_its_files_and_their_size() -> None:
    assert WHOLE.size_bytes == 20_000_000_000 + 500 + (3 << 20)
    assert WHOLE.file("vae/vae.safetensors") is FILE
    assert WHOLE.file("vae") is None


def test_that_writing_again_replaces_the_manifest(model: Path) -> None:
    write_manifest(HastyDisk(), model, WHOLE)
    other = Manifest("wan", "bf16", (FILE,), "2026-11-24T10:22:30Z")
    write_manifest(HastyDisk(), model, other)
    assert read_manifest(HastyDisk(), model) == other


def test_that_an_absent_manifest_is_told_from_a_damaged_one(model: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_manifest(HastyDisk(), model)


def test_that_a_failed_write_leaves_the_old_manifest(model: Path) -> None:
    write_manifest(HastyDisk(), model, WHOLE)
    with pytest.raises(OSError, match="No space left"):
        write_manifest(FullDisk(), model, Manifest("wan", "bf16", (FILE,), NOW))
    assert read_manifest(HastyDisk(), model) == WHOLE


def test_that_nothing_is_made_where_a_missing_drive_was(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_manifest(HastyDisk(), tmp_path / "drive" / "model", WHOLE)
    assert list(tmp_path.iterdir()) == []


def test_that_any_damage_is_noticed(lasting_model: Path) -> None:
    write_manifest(HastyDisk(), lasting_model, WHOLE)
    for data in damaged_copies(metadata(lasting_model).read_bytes(), 500):
        put(lasting_model, data)
        # Or as it was: white space became other white space.
        assert manifest_or_none(lasting_model) in (None, WHOLE)


def test_that_a_changed_digit_is_not_believed(model: Path) -> None:
    write_manifest(HastyDisk(), model, WHOLE)
    put(model, metadata(model).read_bytes().replace(b"20000000000", b"20000000001"))
    with pytest.raises(ManifestError, match="checksum is wrong") as caught:
        read_manifest(HastyDisk(), model)
    assert str(model) in caught.value.message


@pytest.mark.parametrize("found", [2, 17, 10**30])
def test_that_a_newer_format_asks_for_an_update(model: Path, found: int) -> None:
    put(model, sealed({"format": found, "files": "of another kind"}))
    with pytest.raises(ManifestError, match=f"newer version.*format {found}") as caught:
        read_manifest(HastyDisk(), model)
    assert "Update" in caught.value.hint


def test_that_a_damaged_manifest_is_not_taken_for_a_newer_one(model: Path) -> None:
    write_manifest(HastyDisk(), model, WHOLE)
    put(model, metadata(model).read_bytes().replace(b'"format": 1', b'"format": 3'))
    with pytest.raises(ManifestError, match="is damaged"):
        read_manifest(HastyDisk(), model)


BAD_VALUES = {
    "format-0": ("format", 0),
    "format-negative": ("format", -1),
    "format-text": ("format", "1"),
    "format-true": ("format", True),
    "format-fraction": ("format", 1.5),
    "format-null": ("format", None),
    "model-id-empty": ("model_id", ""),
    "model-id-capitals": ("model_id", "Wan"),
    "model-id-slash": ("model_id", "wan/2"),
    "model-id-parent": ("model_id", ".."),
    "model-id-device": ("model_id", "nul"),
    "model-id-dot-at-end": ("model_id", "wan."),
    "model-id-line": ("model_id", "wan\n"),
    "model-id-long": ("model_id", "w" * 101),
    "variant-empty": ("variant", ""),
    "variant-slash": ("variant", "a/b"),
    "variant-space": ("variant", "a b"),
    "variant-hidden": ("variant", ".bf16"),
    "variant-device": ("variant", "COM1"),
    "variant-backslash": ("variant", "a\\b"),
    "created-at-empty": ("created_at", ""),
    "created-at-no-time": ("created_at", "yesterday"),
    "created-at-without-zone": ("created_at", "2026-11-24T10:22:30"),
    "created-at-elsewhere": ("created_at", "2026-11-24T10:22:30+01:00"),
    "created-at-surrogate": ("created_at", "\ud800"),
    "files-none": ("files", []),
    "files-object": ("files", {}),
    "files-null": ("files", [None]),
    "files-twice": ("files", [to_plain(FILE)] * 2),
    "files-case": ("files", [to_plain(FILE), to_plain(FILE) | {"path": "VAE/vae.safetensors"}]),
    "files-in-a-file": ("files", [to_plain(FILE), to_plain(FILE) | {"path": "vae/vae.safetensors/x"}]),
    "path-parent": ("files.1.path", "../x"),
    "path-absolute": ("files.1.path", "/etc/passwd"),
    "path-drive": ("files.1.path", "C:/x"),
    "path-stream": ("files.1.path", "a.json:x"),
    "path-own-folder": ("files.1.path", f"{METADATA_FOLDER}/manifest.json"),
    "path-own-folder-capitals": ("files.1.path", f"{METADATA_FOLDER.upper()}/manifest.json"),
    "path-surrogate": ("files.1.path", "a\ud800"),
    "path-zero-byte": ("files.1.path", "a\0b"),
    "path-empty": ("files.1.path", ""),
    "size-negative": ("files.2.size_bytes", -1),
    "size-huge": ("files.2.size_bytes", (1 << 40) + 1),
    "size-fraction": ("files.2.size_bytes", 5.0),
    "size-true": ("files.2.size_bytes", True),
    "sha256-empty": ("files.2.sha256", ""),
    "sha256-short": ("files.2.sha256", SHA256[1:]),
    "sha256-long": ("files.2.sha256", SHA256 + "a"),
    "sha256-line": ("files.2.sha256", SHA256[1:] + "\n"),
    "sha256-capitals": ("files.2.sha256", SHA256.upper()),
    "sha256-no-hex": ("files.2.sha256", "x" * 64),
    "sha256-other-digits": ("files.2.sha256", "\u0663" * 64),
    "conversion-unknown": ("files.0.conversion", "fp8"),
    "conversion-of-nothing": ("files.2.conversion", "bf16"),
    "conversion-forgotten": ("files.0.conversion", "none"),
    "origin-text": ("files.1.origin", "x"),
    "origin-other-size": ("files.1.origin.size_bytes", 501),
    "origin-other-sha256": ("files.1.origin.sha256", SHA256),
    "origin-negative": ("files.0.origin.size_bytes", -1),
    "origin-huge": ("files.0.origin.size_bytes", 1 << 41),
    "origin-no-hash": ("files.1.origin.git_sha1", ""),
    "origin-bad-sha256": ("files.0.origin.sha256", "x"),
    "origin-bad-git-sha1": ("files.1.origin.git_sha1", SHA256),
    "origin-branch": ("files.0.origin.revision", "main"),
    "origin-short-revision": ("files.0.origin.revision", COMMIT[:7]),
    "origin-name-parent": ("files.0.origin.filename", "a/../../b"),
    "origin-name-query": ("files.0.origin.filename", "a?b"),
    "repo-empty": ("files.0.origin.repo_id", ""),
    "repo-parent": ("files.0.origin.repo_id", "../x"),
    "repo-dots": ("files.0.origin.repo_id", "a/b..c"),
    "repo-three-parts": ("files.0.origin.repo_id", "a/b/c"),
    "repo-address": ("files.0.origin.repo_id", "https://host/a"),
    "repo-long": ("files.0.origin.repo_id", "a/" + "b" * 97),
}


@pytest.mark.parametrize(("where", "value"), BAD_VALUES.values(), ids=BAD_VALUES)
def test_that_a_value_against_the_rules_is_refused_even_with_the_right_checksum(
    model: Path, where: str, value: Any
) -> None:
    put(model, sealed(with_value(where, value)))
    with pytest.raises(ManifestError, match=r"is damaged: (?!its checksum).*[^.]\.$") as caught:
        read_manifest(HastyDisk(), model)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("where", "value"),
    [
        pytest.param("files.2.size_bytes", 0, id="empty-file"),
        pytest.param("files.2.size_bytes", 1 << 40, id="largest-file"),
        pytest.param("files.1.origin.sha256", "ef" * 32, id="both-hashes"),
        pytest.param("files.0.origin.repo_id", "gpt2", id="repository-without-owner"),
        pytest.param("created_at", "2026-11-24T10:22:30.5Z", id="z-for-utc"),
        pytest.param("variant", "a" * 100, id="long-variant"),
    ],
)
def test_that_a_value_at_the_edge_is_taken(model: Path, where: str, value: Any) -> None:
    plain = with_value(where, value)
    put(model, sealed(plain))
    assert to_plain(read_manifest(HastyDisk(), model)) == plain


RUBBISH = {
    "nothing": b"",
    "null": b"null",
    "list": b"[]",
    "number": b"1",
    "empty-object": b"{}",
    "no-checksum": b'{"manifest": {}}',
    "checksum-list": b'{"manifest": {}, "sha256": [1]}',
    "null-with-checksum": sealed(None),
    "list-with-checksum": sealed([1]),
    "object-with-checksum": sealed({}),
    "stamps": sealed({"files": {}}, "stamps"),
    "html": b"<html>moved</html>",
    "zeros": bytes(500),
    "utf-16": sealed(to_plain(WHOLE)).decode().encode("utf-16")[:-1],
    "broken-utf-8": b'"\xff\xfe\xfa"',
    "nested": b"[" * 100_000,
    "nested-in-manifest": b'{"manifest": ' + b"[" * 100_000,
    "nested-and-closed": b'{"manifest": ' + b'{"a":' * 900 + b"1" + b"}" * 900 + b', "sha256": ""}',
    "long-number": b'{"manifest": ' + b"9" * 5000 + b', "sha256": ""}',
    "infinite": b'{"manifest": 1e999, "sha256": ""}',
    "not-a-number": b'{"manifest": NaN, "sha256": ""}',
    "surrogate": rb'{"manifest": "\ud800", "sha256": ""}',
    "too-large": sealed(to_plain(WHOLE)) + b" " * 8_000_000,
}


@pytest.mark.parametrize("data", RUBBISH.values(), ids=RUBBISH)
def test_that_rubbish_is_a_manifest_error(model: Path, data: bytes) -> None:
    put(model, data)
    with pytest.raises(ManifestError, match="is damaged: ") as caught:
        read_manifest(HastyDisk(), model)
    assert len(caught.value.message) < 1000


def test_that_what_no_screen_takes_does_not_get_into_a_message(model: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = {"path": "a\ud800\n", "size_bytes": 5, "sha256": SHA256, "conversion": "bf16"}
    put(model, sealed(with_value("files.2", file)))
    with pytest.raises(ManifestError, match=r"ud800.*converted") as caught:
        read_manifest(HastyDisk(), model)
    put(model, sealed({"files": {"a\ud800": 1}}, "stamps"), "stamps.json")
    read_stamps(HastyDisk(), model)
    assert r"\ud800" in caught.value.message
    assert r"\ud800" in caplog.text


def test_that_a_long_wrong_value_does_not_make_a_long_message(model: Path) -> None:
    put(model, sealed(with_value("files.0.conversion", "x" * 100_000)))
    with pytest.raises(ManifestError) as caught:
        read_manifest(HastyDisk(), model)
    assert len(caught.value.message) < 1000


VALUES: list[Any] = [
    *(None, True, -1, 0, 1 << 41, 0.5, [], [[]], {}, {"a": 1}),
    *("", "x", "\ud800", "..", SHA256, COMMIT, NOW),
]


def mutated(plain: Any, chance: random.Random) -> Any:
    """The data with something in it replaced, removed, added or doubled."""
    target = plain
    while True:
        keys = list(target) if isinstance(target, dict) else list(range(len(target)))
        key: Any = chance.choice(keys)
        if not isinstance(target[key], dict | list) or not target[key] or chance.random() < 0.2:
            break
        target = target[key]
    value = copy.deepcopy(chance.choice([*VALUES, target[key], plain["files"]]))
    match chance.randrange(3):
        case 0:
            target[key] = value
        case 1:
            del target[key]
        case _ if isinstance(target, dict):
            target[chance.choice(["size_bytes", "origin", "conversion", "sha256", "path", "new"])] = value
        case _:
            target.append(value)
    return plain


@given(st.randoms(use_true_random=False), st.integers(1, 3))
def test_that_any_mutation_gives_a_manifest_or_a_manifest_error(
    lasting_model: Path, chance: random.Random, count: int
) -> None:
    plain = to_plain(WHOLE)
    for _ in range(count):
        plain = mutated(plain, chance) if plain.get("files") else plain
    put(lasting_model, sealed(plain))
    manifest = manifest_or_none(lasting_model)
    if manifest:
        write_manifest(HastyDisk(), lasting_model, manifest)
        assert read_manifest(HastyDisk(), lasting_model) == manifest


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_that_any_bytes_are_a_manifest_error(lasting_model: Path, data: bytes) -> None:
    put(lasting_model, data)
    with pytest.raises(ManifestError):
        read_manifest(HastyDisk(), lasting_model)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        pytest.param(lambda: Origin(REPO, COMMIT, "a.json", 5), "without sha256", id="origin-no-hash"),
        pytest.param(lambda: Origin(REPO, "main", "a.json", 5, sha256=SHA256), "revision", id="origin-branch"),
        pytest.param(lambda: ManifestFile("a", -1, SHA256), "-1 bytes", id="size"),
        pytest.param(lambda: ManifestFile("a", 5, ""), "sha256", id="no-hash"),
        pytest.param(lambda: ManifestFile("a", 5, SHA256, SMALL), "differs from its origin", id="other-size"),
        pytest.param(lambda: Manifest("wan", "bf16", (), NOW), "no files", id="no-files"),
        pytest.param(lambda: Manifest("wan", "bf16", (FILE,), NOW, 2), "format 2", id="format"),
        pytest.param(lambda: FileStamp(-1, 0, 0, NOW, SHA256), "-1 bytes", id="stamp-size"),
        pytest.param(lambda: FileStamp(5, 0, 0, "now", SHA256), "now", id="stamp-time"),
    ],
)
def test_that_wrong_values_are_refused_before_they_are_written(make: Callable[[], object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        make()


def test_that_unsafe_names_are_refused_before_they_are_written() -> None:
    with pytest.raises(UnsafeNameError, match="CON"):
        Origin(REPO, COMMIT, "CON", 5, sha256=SHA256)
    with pytest.raises(UnsafeNameError, match="capitals do not count"):
        Manifest("wan", "bf16", (FILE, ManifestFile("VAE/VAE.safetensors", 5, SHA256)), NOW)


def test_that_a_manifest_too_large_to_be_read_is_not_written(model: Path) -> None:
    files = tuple(ManifestFile(f"{'x' * 100}/{number}", 5, SHA256) for number in range(30_000))
    with pytest.raises(ManifestError, match="30000 files"):
        write_manifest(HastyDisk(), model, Manifest("wan", "bf16", files, NOW))
    assert not metadata(model).exists()


# Stamps --------------------------------------------------------------------------------------------------------------


def test_that_stamps_come_back_as_they_were(model: Path) -> None:
    write_stamps(HastyDisk(), model, STAMPS)
    assert read_stamps(HastyDisk(), model) == STAMPS


def test_that_absent_stamps_are_no_stamps(model: Path) -> None:
    assert read_stamps(HastyDisk(), model) == {}
    assert read_stamps(HastyDisk(), model / "absent") == {}


def test_that_damaged_stamps_are_no_stamps(lasting_model: Path) -> None:
    write_stamps(HastyDisk(), lasting_model, STAMPS)
    for data in damaged_copies(metadata(lasting_model, "stamps.json").read_bytes(), 200):
        put(lasting_model, data, "stamps.json")
        assert read_stamps(HastyDisk(), lasting_model) in ({}, STAMPS)


@pytest.mark.parametrize(
    "data",
    [
        *[pytest.param(data, id=name) for name, data in RUBBISH.items() if name != "stamps"],
        pytest.param(sealed({"files": {"a": to_plain(STAMP)}, "format": 2}, "stamps"), id="newer"),
        pytest.param(sealed({"files": {"a": to_plain(STAMP) | {"checked_at": "later"}}}, "stamps"), id="no-time"),
        pytest.param(sealed({"files": {"a": to_plain(STAMP) | {"sha256": "x"}}}, "stamps"), id="no-hash"),
        pytest.param(sealed({"files": {"a": to_plain(STAMP) | {"size_bytes": -1}}}, "stamps"), id="negative"),
        pytest.param(sealed({"files": {"a": to_plain(STAMP), "b": 1}}, "stamps"), id="one-bad"),
        pytest.param(sealed(to_plain(WHOLE)), id="a-manifest"),
    ],
)
def test_that_rubbish_is_no_stamps(model: Path, data: bytes) -> None:
    put(model, data, "stamps.json")
    assert read_stamps(HastyDisk(), model) == {}


def test_that_stamps_and_maps_that_cannot_be_read_only_cost_time(model: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_stamps(HastyDisk(), model, STAMPS)
    write_block_map(HastyDisk(), model, FILE, BLOCKS)
    assert read_stamps(BrokenDisk(), model) == {}
    assert read_block_map(BrokenDisk(), model, FILE) is None
    assert caplog.text.count("Input/output error") == 2


def test_that_a_failed_write_leaves_the_old_stamps(model: Path) -> None:
    write_stamps(HastyDisk(), model, STAMPS)
    with pytest.raises(OSError, match="No space left"):
        write_stamps(FullDisk(), model, {})
    assert read_stamps(HastyDisk(), model) == STAMPS


# Block maps ----------------------------------------------------------------------------------------------------------


def test_that_a_block_map_comes_back_as_it_was(model: Path) -> None:
    write_block_map(HastyDisk(), model, FILE, BLOCKS)
    assert read_block_map(HastyDisk(), model, FILE) == BLOCKS
    assert metadata(model, f"blocks/{SHA256[:32]}.blocks").read_bytes() == BLOCKS.to_bytes()


def test_that_an_empty_file_has_a_map_too(model: Path) -> None:
    empty = ManifestFile("a.txt", 0, SHA256)
    write_block_map(HastyDisk(), model, empty, BlockMap(0, b""))
    assert read_block_map(HastyDisk(), model, empty) == BlockMap(0, b"")


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(ManifestFile(FILE.path, FILE.size_bytes, "cd" * 32), id="another-content"),
        pytest.param(ManifestFile(FILE.path, FILE.size_bytes - 1, SHA256), id="same-number-of-blocks"),
        pytest.param(ManifestFile(FILE.path, FILE.size_bytes + 1, SHA256), id="more-blocks"),
        pytest.param(ManifestFile(FILE.path, 5, SHA256), id="fewer-blocks"),
    ],
)
def test_that_the_map_of_another_file_is_not_used(model: Path, file: ManifestFile) -> None:
    write_block_map(HastyDisk(), model, FILE, BLOCKS)
    assert read_block_map(HastyDisk(), model, file) is None


def test_that_a_damaged_map_is_no_map(model: Path) -> None:
    write_block_map(HastyDisk(), model, FILE, BLOCKS)
    name = f"blocks/{SHA256[:32]}.blocks"
    for data in (*damaged_copies(BLOCKS.to_bytes(), 100), BLOCKS.to_bytes() + b"x"):
        put(model, data, name)
        assert read_block_map(HastyDisk(), model, FILE) is None


def test_that_the_map_of_another_size_is_not_written(model: Path) -> None:
    with pytest.raises(ValueError, match="3145728 bytes, its block map is of 5"):
        write_block_map(HastyDisk(), model, FILE, BlockMap(5, bytes(16)))
