"""Names from the net."""

from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_desktop.core.errors import UnsafeNameError
from wan_desktop.core.store.names import check_name, check_names, is_wanted

GOOD = [
    "model_index.json",
    "transformer/diffusion_pytorch_model-00001-of-00012.safetensors",
    "split_files/diffusion_models/wan2.2_ti2v_5B_fp16.safetensors",
    "a/b/c/d.json",
    "Wan2.2-TI2V-5B-Q4_K_M.gguf",
    "with space (1) [2] {3} & + , ; = @ # % $ ! ' `.json",
    "Größe 模型.json",
    "console.json",
    "com.json",
    "COM10.json",
    "CON1/x.json",
    "a.con",
    "lpt.txt",
    "~.json",
    "a~b.json",
    "x" * 120,
    "/".join(["x" * 49] * 4),
]

BAD = {
    "empty": "",
    "absolute": "/etc/passwd",
    "drive": "C:/x.json",
    "drive-relative": "C:x.json",
    "server": "//server/share/x.json",
    "server-windows": "\\\\server\\share\\x.json",
    "backslash": "a\\x.json",
    "up": "../x.json",
    "up-inside": "a/../../x.json",
    "only-up": "..",
    "here": "./x.json",
    "only-here": ".",
    "empty-part": "a//x.json",
    "folder": "a/",
    "nul": "a\0.json",
    "newline": "a\n.json",
    "delete": "a\x7f.json",
    "c1": "a\x85.json",
    "right-to-left": "a\u202enosj.exe",
    "zero-width": "a\u200b.json",
    "byte-order": "\ufeffa.json",
    "no-break-space": "a\u00a0",
    "stream": "model_index.json:ads",
    "stream-data": "a::$DATA",
    "less": "a<.json",
    "greater": "a>.json",
    "quote": 'a".json',
    "pipe": "a|.json",
    "question": "a?.json",
    "star": "a*.json",
    "nfd": "Gro\u0308ße.json",
    "singleton": "\u212b.json",
    "con": "CON",
    "con-small": "con",
    "con-extension": "con.json",
    "con-extensions": "Con.tar.gz",
    "con-space": "con .json",
    "con-folder": "con/x.json",
    "con-inside": "a/aux/x.json",
    "nul-device": "nul.safetensors",
    "prn": "PRN",
    "com1": "COM1",
    "com0": "com0.txt",
    "lpt9": "lpt9.json",
    "com-superscript": "COM¹",
    "lpt-superscript": "lpt³.json",
    "conin": "CONIN$",
    "conout": "conout$.json",
    "clock": "CLOCK$",
    "trailing-dot": "trail.",
    "trailing-dots": "trail..",
    "trailing-dot-space": "trail. ",
    "trailing-space": "a.json ",
    "trailing-space-folder": "a /x.json",
    "trailing-dot-folder": "a./x.json",
    "leading-space": " a.json",
    "long": "/".join(["x" * 50] * 4),
    "long-part": "x" * 121,
    "long-part-bytes": "模" * 74,
    "deep": "a/b/c/d/e.json",
    "git": ".git/hooks/post-checkout",
    "git-case": ".GIT/config",
    "cache": ".cache/huggingface/download/x.metadata",
    "own": ".wan-desktop/manifest.json",
    "own-inside": "a/.Wan-Desktop/manifest.json",
    "attributes": ".gitattributes",
    "short": "WAN-DE~1/manifest.json",
    "short-file": "DIFFUS~1.SAF",
    "surrogate": "a\ud800.json",
    "bytes": b"\xff.json".decode(errors="surrogateescape"),
}


@pytest.mark.parametrize("name", GOOD)
def test_that_usual_names_become_paths(name: str) -> None:
    assert check_name(name) == PurePosixPath(name)


@pytest.mark.parametrize("name", BAD.values(), ids=BAD.keys())
def test_that_unsafe_names_are_refused(name: str) -> None:
    with pytest.raises(UnsafeNameError):
        check_name(name)


def test_that_a_refusal_shows_the_name_and_the_reason_and_nothing_that_cannot_be_seen() -> None:
    with pytest.raises(UnsafeNameError) as caught:
        check_name("a\u202enosj.exe\n" + "x" * 100)
    assert caught.value.message.startswith("The file name 'a\\u202enosj.exe\\nxxx")
    assert "cannot be seen" in caught.value.message
    assert caught.value.message.isprintable()


PARTS = st.one_of(
    st.text(max_size=12),
    st.text(alphabet="aA.~1 :/\\cCoOnNmM¹$\u0301é", max_size=10),
    st.sampled_from(["..", ".", "", "C:", "CON", "com1.x", "a.", "~1", "\\\\s", ".git", "x" * 118, "transformer"]),
)
USUAL_PARTS = st.text(alphabet="abXY01-_ .é模", min_size=1, max_size=8)
NAMES = st.one_of(
    st.lists(PARTS, max_size=5).map("/".join), st.lists(USUAL_PARTS, min_size=1, max_size=4).map("/".join)
)


@given(NAMES)
def test_that_an_accepted_name_stays_below_its_folder_everywhere_and_comes_back(name: str) -> None:
    try:
        path = check_name(name)
    except UnsafeNameError:
        return
    below = PurePosixPath("/models/m") / path
    below_windows = PureWindowsPath("C:\\models\\m") / str(path)
    assert str(path) == name
    assert str(below.relative_to("/models/m")) == name
    assert below_windows.relative_to("C:\\models\\m").as_posix() == name
    assert ".." not in below.parts + below_windows.parts
    assert not below_windows.is_reserved()
    assert name.encode().decode() == name


@given(st.lists(st.text(alphabet="ab模", min_size=1, max_size=130), min_size=1, max_size=4).map("/".join))
def test_that_an_accepted_name_fits_the_drive(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    try:
        path = check_name(name)
    except UnsafeNameError:
        return
    beside = tmp_path_factory.getbasetemp() / path.with_name(f".{path.name}.4194304.part").name
    beside.touch()
    beside.unlink()


# Several -------------------------------------------------------------------------------------------------------------


def test_that_names_come_back_as_paths_in_order() -> None:
    names = ["b/x.json", "a.json", "b/y.json", "b.json"]
    assert check_names(iter(names)) == [PurePosixPath(name) for name in names]


@pytest.mark.parametrize(
    "names",
    [
        ["a.json", "A.json"],
        ["x/a.json", "X/b.json"],
        ["x/y/a.json", "x/Y/a.json"],
        ["Straße.json", "STRASSE.json"],
        ["\u0131.json", "I.json"],
        ["ẞ.json", "ß.json"],
        ["a.json", "a.json"],
        ["a", "a/b.json"],
        ["a/b.json", "a"],
        ["a/b/c.json", "a/b"],
        ["A", "a/b.json"],
        ["a.json", "../a.json"],
    ],
    ids=[
        "case", "folder-case", "inner-folder-case", "sharp-s", "dotless-i", "capital-sharp-s", "twice",
        "file-then-folder", "folder-then-file", "inner-folder", "file-and-folder-case", "unsafe",
    ],
)  # fmt: skip
def test_that_names_which_cannot_both_be_files_are_refused(names: list[str]) -> None:
    with pytest.raises(UnsafeNameError):
        check_names(names)


def test_that_a_clash_is_told_with_both_names() -> None:
    with pytest.raises(UnsafeNameError, match=r"'A\.json' is refused: 'a\.json' is the same"):
        check_names(["a.json", "A.json"])


@given(st.lists(st.text(alphabet="aAbB/", min_size=1, max_size=5), max_size=4))
def test_that_accepted_names_make_as_many_files(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    try:
        paths = check_names(names)
    except UnsafeNameError:
        return
    root = tmp_path_factory.mktemp("x")
    for path in paths:
        folded = Path(root, *(part.casefold() for part in path.parts))
        folded.parent.mkdir(parents=True, exist_ok=True)
        folded.touch(exist_ok=False)


# Wanted --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "model_index.json", "vae/diffusion_pytorch_model.safetensors", "tokenizer/spiece.model", "merges.txt", "x.gguf",
        "README.md", "LICENSE", "LICENSE.txt", "LICENSE.md", "LICENSE-WAN", "LICENSE_2.txt", "docs/LICENSE",
    ],
)  # fmt: skip
def test_that_files_of_a_model_are_wanted(name: str) -> None:
    assert is_wanted(name)


@pytest.mark.parametrize(
    "name",
    [
        "model.py", "model.bin", "x.pt", "x.pth", "x.ckpt", "x.pkl", "version.dll", "setup.exe", "x.so", "x.bat",
        "x.ipynb", "x.png", "x.mp4", "config.json.exe", "x.safetensors.py", "LICENSE.exe", "LICENSE.tar.gz",
        "LICENSE.txt.py", "LICENSEx.py", "README.md.exe", "xREADME.md", "README.mdx", "json", ".json", ".gitattributes",
        ".git/config.json", ".cache/huggingface/x.json", "a/.ipynb_checkpoints/x.json", "a.json:x.exe", "x.json ",
        "x.json\n", "", "/", "a.json/",
    ],
)  # fmt: skip
def test_that_everything_else_is_not_wanted(name: str) -> None:
    assert not is_wanted(name)


@pytest.mark.parametrize("name", ["../x.json", "a/../x.json", "/x.json", "con.json", "x.exe:.json"])
def test_that_a_hostile_name_of_a_wanted_kind_is_left_to_be_refused(name: str) -> None:
    assert is_wanted(name)
    with pytest.raises(UnsafeNameError):
        check_name(name)


@given(st.text())
def test_that_any_name_is_wanted_or_not(name: str) -> None:
    assert is_wanted(name) in (True, False)
