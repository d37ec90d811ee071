"""What the setup takes, which names are shared, and what is left out of a frozen program."""

import shutil
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from installer import build, common, freezing, windows_tree
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.runtime.builder import BuildTools
from wan_desktop.ui.windows_shell import APPLICATION_ID


def program(machine: int = 0x8664) -> bytes:
    """The head of a Windows file."""
    head = bytearray(b"MZ" + bytes(62))
    struct.pack_into("<I", head, 60, 64)
    return bytes(head) + b"PE\0\0" + struct.pack("<H", machine) + bytes(32)


@pytest.fixture
def payload(tmp_path: Path) -> Path:
    folder = tmp_path / "program"
    (folder / common.CONTENTS).mkdir(parents=True)
    for name in common.PROGRAM_FILES:
        (folder / name).write_bytes(program())
    return folder


def test_that_a_whole_program_is_taken(payload: Path) -> None:
    assert build.problems_of(payload) == []
    assert build.main(["check", str(payload)]) == 0


def test_that_nothing_is_packed_that_the_uninstaller_would_leave(payload: Path) -> None:
    (payload / "surprise.dll").write_bytes(program())
    assert build.problems_of(payload) == ["the uninstaller would not know surprise.dll"]
    assert build.main(["check", str(payload)]) == 1


@pytest.mark.parametrize("name", [*common.PROGRAM_FILES, common.CONTENTS])
def test_that_a_missing_part_is_named(payload: Path, name: str) -> None:
    path = payload / name
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink()
    assert build.problems_of(payload) == [f"{name} is missing"]


@pytest.mark.parametrize("content", [b"", b"MZ", b"\x7fELF" + bytes(100), program(0x14C), program(0xAA64)])
def test_that_a_file_for_another_system_is_named(payload: Path, content: bytes) -> None:
    (payload / common.CONTENTS / "library.dll").write_bytes(content)
    assert build.problems_of(payload) == [f"{common.CONTENTS}/library.dll is no program for Windows on x86-64"]


def test_that_a_path_too_long_for_windows_is_named(payload: Path) -> None:
    name = f"{common.CONTENTS}/{'x' * 100}/{'y' * 100}.txt"
    (payload / name).parent.mkdir()
    (payload / name).write_text("", encoding="utf-8")
    assert [problem for problem in build.problems_of(payload) if "characters" in problem]


def test_that_a_link_is_named(payload: Path, tmp_path: Path) -> None:
    (payload / common.CONTENTS / "link").symlink_to(tmp_path)
    assert build.problems_of(payload) == [f"{common.CONTENTS}/link is a link"]


def test_that_what_cannot_be_packed_is_said(payload: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (payload / common.PROGRAM_FILES[0]).unlink()
    assert build.main(["setup", "--payload", str(payload), "--out", str(tmp_path / "setup.exe")]) == 1
    assert "WanDesktop.exe is missing" in capsys.readouterr().err


def test_that_nothing_is_signed_without_a_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAN_DESKTOP_CERTIFICATE", raising=False)
    file = tmp_path / "a.exe"
    file.write_bytes(program())
    assert not build.sign(file)
    assert file.read_bytes() == program()


# What engines are made with -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_that_an_interpreter_comes_along_that_an_engine_can_be_made_with(payload: Path, tmp_path: Path) -> None:
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        pytest.skip("uv is not here")
    build.add_tools(payload, Path(uv))
    tools = BuildTools.bundled(payload)
    tools.check()
    made = tmp_path / "engine"
    command = [tools.uv, "venv", "--offline", "--no-config", "--python", tools.python, made]
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
    assert str(payload / "python") in (made / "pyvenv.cfg").read_text(encoding="utf-8")
    assert not list((payload / "python").rglob("site-packages/*"))


def test_that_an_interpreter_that_does_not_run_is_refused(payload: Path, tmp_path: Path) -> None:
    code = "import sys; sys.base_prefix = {0!r}; from pathlib import Path; from installer import build; "
    code += "build.add_tools(Path({1!r}), Path({2!r}))"
    empty = tmp_path / "no-python"
    (empty / "bin").mkdir(parents=True)
    (empty / "bin" / "python3.11").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    (empty / "bin" / "python3.11").chmod(0o755)
    words = [sys.executable, "-c", code.format(str(empty), str(payload), sys.executable)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=common.ROOT)
    assert "does not run by itself" in done.stderr


# Names ----------------------------------------------------------------------------------------------------------------


def test_that_setup_and_program_use_the_same_names(tmp_path: Path) -> None:
    assert common.APPLICATION_ID == APPLICATION_ID
    paths = AppPaths(data=tmp_path, videos=tmp_path, resources=tmp_path)
    models = (paths.models, paths.added_models, paths.model_history, paths.known_files)
    assert {path.name for path in models} == set(common.MODEL_DATA)


def test_that_the_uninstaller_knows_where_engines_lie(tmp_path: Path) -> None:
    code = (
        f"import sys; sys.frozen = True; sys.executable = {str(tmp_path / 'WanDesktop')!r}; from pathlib import Path; "
    )
    code += "from wan_desktop.core.paths import AppPaths; "
    code += "from wan_desktop.core.runtime.program_runtimes import program_runtimes; "
    code += f"print(program_runtimes(AppPaths(*[Path({str(tmp_path)!r})] * 3)).folder.name)"
    tools = BuildTools.bundled(tmp_path)
    tools.uv.parent.mkdir()
    tools.uv.write_bytes(b"")
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=common.ROOT)
    assert found.stdout.split() == list(common.ENGINE_DATA)


def test_that_the_setup_knows_every_name() -> None:
    names = build.names_file("0.1.0")
    script = (common.HERE / "setup.nsi").read_text(encoding="utf-8")
    for name in (*common.PROGRAM_FILES, *common.PROGRAM_FOLDERS, *common.ENGINE_DATA, *common.MODEL_DATA):
        assert f'"{name}"' in names
    assert common.MUTEX in names
    assert "RMDir /r $INSTDIR" not in script
    assert 'RMDir /r "$INSTDIR"' not in script


def test_that_every_text_is_in_both_languages() -> None:
    texts = (common.HERE / "texts.nsh").read_text(encoding="utf-8")
    script = (common.HERE / "setup.nsi").read_text(encoding="utf-8")
    joined = texts.replace("\\\n", " ")
    made = [line.split()[2] for line in joined.splitlines() if line.startswith("!insertmacro Text ")]
    assert all(line.count('"') == 4 for line in joined.splitlines() if line.startswith("!insertmacro Text "))
    assert {word.split(")")[0] for word in script.split("$(")[1:]} == set(made)


def test_that_windows_is_told_the_version_in_numbers() -> None:
    resource = common.version_resource()
    assert f"filevers=({', '.join(common.VERSION.split('.'))}, 0)" in resource
    assert common.APP_NAME in resource


# What is frozen -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "PySide6/Qt6Core.dll",
        "PySide6/QtWidgets.pyd",
        "PySide6/Qt/lib/libQt6XcbQpa.so.6",
        "PySide6/plugins/platforms/qwindows.dll",
        "PySide6/Qt/plugins/imageformats/libqjpeg.so",
        "PySide6/QtNetwork.abi3.so",
        "PySide6/msvcp140.dll",
        "PySide6/translations/qtbase_de.qm",
        "numpy/core/_multiarray.pyd",
    ],
)
def test_that_what_the_window_uses_stays(name: str) -> None:
    assert common.keep_of_qt(name)


@pytest.mark.parametrize(
    "name",
    [
        "PySide6/opengl32sw.dll",
        "PySide6/Qt6Quick.dll",
        "PySide6/QtQml.pyd",
        "PySide6/Qt6Sql.dll",
        "PySide6/Qt/translations/qt_fr.qm",
        "PySide6/translations/qtbase_fr.qm",
        "PySide6/plugins/sqldrivers/qsqlite.dll",
        "PySide6/plugins/imageformats/qpdf.dll",
        "PySide6/Qt/qml/QtQuick/plugin.so",
        "PySide6/designer.exe",
        "PySide6/pyside6qml.abi3.dll",
    ],
)
def test_that_the_rest_of_qt_goes(name: str) -> None:
    assert not common.keep_of_qt(name)


def test_that_no_python_file_of_torch_goes() -> None:
    assert common.keep_of_torch("torch/testing/_comparison.py")
    assert common.keep_of_torch("torch/utils/benchmark/utils/common.py")
    assert common.keep_of_torch("torch/lib/torch_cpu.dll")
    assert not common.keep_of_torch("torch/include/ATen/ATen.h")
    assert not common.keep_of_torch("torch/lib/torch_cpu.lib")


def test_that_engine_and_resources_lie_among_the_sources() -> None:
    places = {Path(target).as_posix() for _, target in common.source_files()}
    assert f"{common.SOURCES}/wan_desktop/engine" in places
    assert f"{common.SOURCES}/resources/catalog" in places
    assert not [file for file, _ in common.source_files() if file.endswith(".pyc")]


def test_that_licences_of_what_is_used_come_along() -> None:
    found = {name for name, _, _ in common.licence_files(["PySide6", "numpy.core", "tokenizers"])}
    assert f"{common.LICENCES}/LICENSE" in found
    assert f"{common.LICENCES}/PySide6_Essentials/LGPL-3.0.txt" in found
    assert f"{common.LICENCES}/tokenizers/METADATA" in found
    assert any(name.startswith(f"{common.LICENCES}/numpy/LICENSE") for name in found)


def test_that_both_programs_differ_only_in_the_console(tmp_path: Path) -> None:
    window, console = freezing.programs(tmp_path)
    assert (window["name"], window["console"]) == (common.WINDOW, False)
    assert (console["name"], console["console"]) == (common.CONSOLE, True)
    assert {key for key in window if window[key] != console[key]} == {"name", "console"}
    assert Path(window["icon"]).is_file()


# What Windows' files ask for ------------------------------------------------------------------------------------------


def library(*names: str) -> bytes:
    """A Windows file that needs those libraries: one section, one table of imports."""
    head = bytearray(program())
    head[64 + 6 : 64 + 8] = struct.pack("<H", 1)
    head[64 + 20 : 64 + 22] = struct.pack("<H", 240)
    optional = bytearray(240)
    optional[:2] = struct.pack("<H", 0x20B)
    optional[112 + 8 : 112 + 16] = struct.pack("<II", 0x1000, 20 * (len(names) + 1))
    section = bytearray(40)
    section[8:24] = struct.pack("<IIII", 0x1000, 0x1000, 0x1000, 0x400)
    table, texts = b"", b""
    for name in names:
        table += struct.pack("<IIIII", 0, 0, 0, 0x1000 + 20 * (len(names) + 1) + len(texts), 0)
        texts += name.encode() + b"\0"
    image = bytes(head[: 64 + 24]) + bytes(optional) + bytes(section)
    return image.ljust(0x400, b"\0") + (table + bytes(20) + texts).ljust(0x1000, b"\0")


def test_that_the_libraries_that_a_file_needs_are_read(tmp_path: Path) -> None:
    file = tmp_path / "a.dll"
    file.write_bytes(library("KERNEL32.dll", "Qt6Core.dll", "api-ms-win-crt-runtime-l1-1-0.dll"))
    assert windows_tree.imports_of(file) == ["KERNEL32.dll", "Qt6Core.dll", "api-ms-win-crt-runtime-l1-1-0.dll"]
    file.write_bytes(b"no library")
    assert windows_tree.imports_of(file) == []


def tree_in(folder: Path, of: windows_tree.Tree) -> windows_tree.Tree:
    """The same packages, in another folder."""
    return replace(of, folder=folder)


def test_that_a_library_that_is_nowhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "PySide6").mkdir()
    (tmp_path / "PySide6" / "Qt6Gui.dll").write_bytes(
        library("KERNEL32.dll", "python311.dll", "Qt6Core.dll", "lost.dll")
    )
    (tmp_path / "PySide6" / "Qt6Core.dll").write_bytes(library("MSVCP140.dll"))
    (tmp_path / "wrong.so").write_bytes(b"\x7fELF")
    assert tree_in(tmp_path, windows_tree.WINDOW).problems() == [
        "PySide6/Qt6Gui.dll needs lost.dll",
        "wrong.so is a library for Linux",
    ]


def test_that_the_engine_brings_the_libraries_of_its_compiler(tmp_path: Path) -> None:
    torch = tmp_path / "torch" / "lib"
    torch.mkdir(parents=True)
    (torch / "torch_cpu.dll").write_bytes(library("nvcuda.dll", "c10.dll", "MSVCP140.dll"))
    (torch / "c10.dll").write_bytes(library("combase.dll"))
    (tmp_path / "setuptools").mkdir()
    (tmp_path / "setuptools" / "cli-arm64.exe").write_bytes(program(0xAA64))
    engine = tree_in(tmp_path, windows_tree.ENGINE)
    assert engine.problems() == ["torch/lib/torch_cpu.dll needs MSVCP140.dll"]
    (tmp_path / "msvcp140.dll").write_bytes(library("VCRUNTIME140.dll"))
    assert engine.problems() == []


def test_that_paths_are_measured_as_python_compiles_them(tmp_path: Path) -> None:
    engine = tree_in(tmp_path, windows_tree.ENGINE)
    name = "m" * (build.LONGEST_PATH - len(engine.home) - len("__pycache__/.cpython-311.pyc"))
    (tmp_path / f"{name}.py").write_text("")
    assert engine.longest_path() == build.LONGEST_PATH
    assert engine.problems() == []
    (tmp_path / f"{name}m.py").write_text("")
    (problem,) = engine.problems()
    assert problem.endswith(f"makes a path of {build.LONGEST_PATH + 1} characters")


@pytest.mark.parametrize(("more", "fits"), [(0, True), (1, False)])
def test_that_a_licence_text_may_be_as_long_as_windows_allows(tmp_path: Path, more: int, fits: bool) -> None:
    engine = tree_in(tmp_path, windows_tree.ENGINE)
    licences = tmp_path / "torch-1.dist-info" / "licenses"
    licences.mkdir(parents=True)
    left = 259 - len(engine.home) - len("torch-1.dist-info/licenses/")
    (licences / ("L" * (left + more))).write_text("")
    assert (engine.problems() == []) is fits
