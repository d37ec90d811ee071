"""The command `doctor`, as a user types it, with the real engine where it is asked for."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from wan_desktop.cli import main
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.prompt_history import PromptHistory

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def home(tmp_path: Path, resources: Path) -> AppPaths:
    return AppPaths(data=tmp_path / "data", videos=tmp_path / "videos", resources=resources)


@pytest.fixture
def run(home: AppPaths, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*argv: str, paths: AppPaths = home) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["doctor", *argv], paths)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def states(out: str) -> dict[str, str]:
    """State of each item by its name."""
    return {item["name"]: item["state"] for item in json.loads(out.splitlines()[-1])["items"]}


def test_that_every_item_is_said_in_a_line(run: Run) -> None:
    _, out, err = run("--no-engine")
    assert err == ""
    assert "[green] Program files: All parts of the program are there." in out
    assert "[not-checked] Render engine: It was not started." in out


def test_that_json_has_the_items_and_the_worst_state(run: Run) -> None:
    code, out, _ = run("--no-engine", "--json")
    (line,) = out.splitlines()
    found = json.loads(line)
    assert found["event"] == "done"
    assert states(out)["Built-in model"] == "green"
    assert (code == 1) == (found["state"] == "red") == ("red" in states(out).values())


def test_that_the_engine_is_started_and_makes_the_video_of_the_self_test(run: Run, home: AppPaths) -> None:
    _, out, _ = run("--self-test", "--json")
    assert states(out)["Render engine"] == "green"
    assert json.loads(out)["self_test"].startswith("A video of 64 x 64 with 17 frames was made")
    assert list(home.work.iterdir()) == []
    assert not home.videos.exists()


def test_that_a_self_test_without_a_model_says_why(run: Run, home: AppPaths, tmp_path: Path) -> None:
    own = tmp_path / "resources"
    shutil.copytree(home.resources, own)
    shutil.rmtree(own / "models" / "shapes" / "vae")
    code, out, _ = run("--no-engine", "--self-test", paths=AppPaths(home.data, home.videos, own))
    assert code == 1
    assert "[red] Built-in model: Missing: shapes/vae/config.json" in out
    assert "Self test: Model files are missing (WAN-2101)" in out


def test_that_a_broken_program_is_a_failure(run: Run, home: AppPaths) -> None:
    home.ensure()
    home.model_history.write_bytes(b"rubbish" * 2000)
    code, out, _ = run("--no-engine", "--json")
    assert code == 1
    assert states(out)["History of models"] == "red"
    assert home.model_history.read_bytes() == b"rubbish" * 2000


def test_that_the_zip_tells_nothing_private(run: Run, home: AppPaths, tmp_path: Path) -> None:
    home.ensure()
    PromptHistory(home.data / "prompts.json").add("a secret dragon over the town")
    home.log_file.write_text("2026-01-31 12:00:00,000 INFO wan_desktop.x saved a secret dragon over.mp4\n", "utf-8")
    file = tmp_path / "report.zip"
    code, out, _ = run("--no-engine", "--zip", str(file), "--json")
    assert [json.loads(line)["event"] for line in out.splitlines()] == ["saved", "done"]
    with zipfile.ZipFile(file) as archive:
        everything = "\n".join(archive.read(name).decode() for name in archive.namelist())
    assert "INFO wan_desktop.x saved ***.mp4" in everything
    assert not [word for word in ("dragon", str(tmp_path)) if word in everything]
    assert code in (0, 1)


def test_that_a_report_can_be_printed(run: Run, tmp_path: Path) -> None:
    _, out, _ = run("--no-engine", "--report")
    assert out.startswith("Wan Desktop ")
    assert "Health\n[green] Program files" in out
    assert str(tmp_path) not in out


def test_that_a_place_for_the_zip_that_cannot_be_written_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, _, err = run("--no-engine", "--zip", str(tmp_path / "file" / "report.zip"))
    assert code == 1
    assert "WAN-6013" in err
