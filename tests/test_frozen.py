"""A frozen program is taken for an interpreter by libraries; it answers as one, and opens no window."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wan_desktop import frozen
from wan_desktop.core.paths import program_folder, resources_folder, sources_folder
from wan_desktop.frozen import MUTEX, InterpreterCall, begin_frozen, interpreter_call

ROOT = Path(__file__).resolve().parents[1]
_START = "import sys; sys.frozen = True; from wan_desktop import frozen; code = frozen.main(); "
_QT_IS_ABSENT = "assert 'PySide6' not in sys.modules, 'Qt was imported'; sys.exit(code)"


def start(*arguments: str, frozen_program: bool = True) -> subprocess.CompletedProcess[str]:
    """The program's main as a frozen program runs it, in a process of its own."""
    begin = f"{_START}{_QT_IS_ABSENT}" if frozen_program else "import sys; from wan_desktop.frozen import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen"}
    return subprocess.run(
        [sys.executable, "-c", begin, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-c", "pass"], InterpreterCall("pass", "", ())),
        (["-c", "pass", "-m", "x"], InterpreterCall("pass", "", ("-m", "x"))),
        (["-m", "pip", "install"], InterpreterCall("", "pip", ("install",))),
        (["-B", "-S", "-I", "-c", "pass"], InterpreterCall("pass", "", ())),
        (["-sE", "-c", "pass"], InterpreterCall("pass", "", ())),
        (["-X", "utf8", "-W", "error", "-m", "x"], InterpreterCall("", "x", ())),
        (["-Xutf8", "-Werror", "-m", "x"], InterpreterCall("", "x", ())),
        (["-u", "-m", "wan_desktop.engine"], InterpreterCall("", "wan_desktop.engine", ())),
    ],
)
def test_that_a_call_of_an_interpreter_is_known(arguments: list[str], expected: InterpreterCall) -> None:
    assert interpreter_call(arguments) == expected


@pytest.mark.parametrize(
    "arguments",
    [[], ["render", "-c", "x"], ["--self-test"], ["--version"], ["-c"], ["-m"], ["-"], ["film.wanrecipe"], ["-h"]],
)
def test_that_all_other_arguments_are_the_programs_own(arguments: list[str]) -> None:
    assert interpreter_call(arguments) is None


def test_that_code_is_run_without_a_window() -> None:
    done = start("-I", "-c", "import sys; print(__name__, sys.argv)", "more")
    assert done.stdout.strip() == "__main__ ['-c', 'more']", done.stderr
    assert done.returncode == 0


def test_that_a_module_is_run_without_a_window() -> None:
    done = start("-m", "json.tool", "--help")
    assert "json" in done.stdout
    assert done.returncode == 0


def test_that_the_exit_code_is_that_of_the_code() -> None:
    assert start("-c", "raise SystemExit(7)").returncode == 7
    assert start("-c", "raise ValueError('as it was written')").returncode == 1


def test_that_compiling_is_off_in_a_frozen_program() -> None:
    done = start("-c", "import os; print(os.environ['TORCH_COMPILE_DISABLE'], os.environ['TORCHDYNAMO_DISABLE'])")
    assert done.stdout.split() == ["1", "1"]


def test_that_a_program_from_source_is_no_interpreter() -> None:
    done = start("-c", "print('ran')", frozen_program=False)
    assert "ran" not in done.stdout
    assert done.returncode != 0


def test_that_the_help_names_the_program_as_it_is_installed() -> None:
    done = start("--help")
    assert done.returncode == 0
    assert "wan-desktop render --prompt" in done.stdout
    assert "main.py" not in done.stdout


def test_that_every_process_holds_the_mutex_that_the_setup_waits_for() -> None:
    class Kernel32:
        def __init__(self) -> None:
            self.made: list[tuple[object, bool, str]] = []

        def CreateMutexW(self, security: object, owned: bool, name: str) -> int:  # noqa: N802 - Windows' name
            self.made.append((security, owned, name))
            return 1

    kernel32 = Kernel32()
    before = dict(os.environ)
    try:
        begin_frozen(kernel32)
    finally:
        os.environ.clear()
        os.environ.update(before)
    assert kernel32.made == [(None, False, MUTEX)]


def test_that_a_program_without_a_console_can_be_written_to() -> None:
    code = "import sys; sys.stdout = sys.stderr = None; from wan_desktop.frozen import begin_frozen; begin_frozen(); "
    code += "print('x'); print('y', file=sys.stderr); raise SystemExit(0 if sys.stdout is not None else 1)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, "-c", code], check=False, env=environment).returncode == 0


def test_that_sources_and_resources_lie_together_in_a_frozen_program(tmp_path: Path) -> None:
    code = f"import sys; sys._MEIPASS = {str(tmp_path)!r}; sys.frozen = True; from wan_desktop.core import paths; "
    code += "print(paths.sources_folder(), paths.resources_folder(), paths.program_folder(), sep='\\n')"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run([sys.executable, "-c", code], check=True, env=environment, capture_output=True, text=True)
    sources = tmp_path / "sources"
    program = Path(sys.executable).resolve().parent
    assert found.stdout.splitlines() == [str(sources), str(sources / "resources"), str(program)]


def test_that_from_source_everything_lies_in_the_clone() -> None:
    assert (sources_folder(), resources_folder(), program_folder()) == (ROOT, ROOT / "resources", ROOT)
    assert not frozen.is_frozen()
