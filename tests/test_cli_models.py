"""The commands about models, as a user types them, against a Hub on this machine."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest

from tests.fakes.hub import FakeHub
from tests.fakes.keyrings import MemoryKeyring
from tests.fakes.tiny_models import make_tiny_model
from wan_desktop.cli import main
from wan_desktop.core.paths import AppPaths, resources_folder

REPO, GATED = "wan/tiny-Diffusers", "wan/gated"
WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"
Run = Callable[..., tuple[int, list[dict[str, Any]]]]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = make_tiny_model("t2v", tmp_path_factory.mktemp("tiny") / "model")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def hub(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with FakeHub() as fake:
        fake.add_repo(REPO, files)
        monkeypatch.setenv("HF_ENDPOINT", fake.url)
        yield fake


@pytest.fixture
def home(tmp_path: Path, resources: Path) -> AppPaths:
    return AppPaths(data=tmp_path / "data", videos=tmp_path / "videos", resources=resources)


@pytest.fixture
def run(home: AppPaths, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*argv: str) -> tuple[int, list[dict[str, Any]]]:
        capsys.readouterr()
        code = main(["models", *argv, "--json"], home)
        return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return call


@pytest.fixture
def added(hub: FakeHub, run: Run) -> str:
    code, events = run("add", REPO)
    assert code == 0
    return str(events[-1]["model_id"])


@pytest.fixture
def downloaded(added: str, run: Run) -> str:
    code, events = run("download", added)
    assert (code, events[-1]["status"]) == (0, "available")
    return added


def folder_of(home: AppPaths, model_id: str) -> Path:
    return home.models / model_id / "original"


def flip(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


def test_that_every_model_of_the_catalog_is_listed(hub: FakeHub, run: Run) -> None:
    code, events = run("list")
    assert code == 0
    listed = {event["model_id"]: event["status"] for event in events if event["event"] == "model"}
    assert {"wan2.2-ti2v-5b", "wan2.2-t2v-a14b", "wan2.1-t2v-1.3b"} <= set(listed)
    assert set(listed.values()) == {"missing"}
    assert not hub.requests


def test_that_an_added_model_comes_whole(downloaded: str, run: Run, home: AppPaths, files: dict[str, bytes]) -> None:
    folder = folder_of(home, downloaded)
    assert all((folder / name).read_bytes() == data for name, data in files.items())
    assert run("verify", downloaded, "--deep")[1][-1]["good"]


def test_that_a_download_of_what_is_here_asks_for_no_file(downloaded: str, hub: FakeHub, run: Run) -> None:
    hub.forget_requests()
    assert run("download", downloaded)[0] == 0
    assert not [request for request in hub.requests if "/resolve/" in request.path]


def test_that_damage_is_found_and_repaired(downloaded: str, run: Run, home: AppPaths, files: dict[str, bytes]) -> None:
    flip(folder_of(home, downloaded) / WEIGHTS, 5000)
    code, events = run("verify", downloaded, "--deep")
    assert code == 1
    assert [event["path"] for event in events if event["event"] == "file"] == [WEIGHTS]
    assert status(run, downloaded) == "corrupted"
    assert run("repair", downloaded)[0] == 0
    assert status(run, downloaded) == "available"
    assert (folder_of(home, downloaded) / WEIGHTS).read_bytes() == files[WEIGHTS]


def status(run: Run, model_id: str) -> str:
    return next(str(event["status"]) for event in run("list")[1] if event.get("model_id") == model_id)


def test_that_the_hub_being_away_changes_no_good_model(downloaded: str, hub: FakeHub, run: Run) -> None:
    hub.fault("status_500", times=None)
    code, events = run("check-remote", downloaded)
    assert (code, events[-1]["status"]) == (0, "unreachable")
    assert status(run, downloaded) == "available"


def test_that_a_newer_commit_is_told_and_brought(
    downloaded: str, hub: FakeHub, run: Run, home: AppPaths, files: dict[str, bytes]
) -> None:
    hub.move(REPO, {**files, "vae/config.json": files["vae/config.json"] + b"\n"})
    assert run("check-remote", downloaded)[1][-1]["status"] == "update-available"
    hub.forget_requests()
    assert run("download", downloaded, "--update")[0] == 0
    assert (folder_of(home, downloaded) / "vae/config.json").read_bytes() == files["vae/config.json"] + b"\n"
    assert {request.path.split("/", 5)[-1] for request in hub.requests if "/resolve/" in request.path} == {
        "vae/config.json"
    }


def test_that_a_removed_model_is_in_the_trash(downloaded: str, run: Run, home: AppPaths) -> None:
    code, events = run("remove", downloaded)
    assert code == 0
    assert events[-1]["freed_bytes"] > 100_000
    assert (Path(events[-1]["trash"]) / WEIGHTS).is_file()
    assert status(run, downloaded) == "missing"
    code, events = run("put-back", downloaded)
    assert (code, events[-1]["status"]) == (0, "available")
    code, events = run("put-back", downloaded)
    assert (code, events[-1]["code"]) == (1, "model-not-found")


@pytest.mark.parametrize("model_id", sorted(path.stem for path in (resources_folder() / "catalog").glob("*.json")))
def test_that_every_model_of_the_catalog_is_told_about(run: Run, model_id: str) -> None:
    code, events = run("info", model_id)
    assert (code, events[-1]["model_id"], events[-1]["event"]) == (0, model_id, "done")
    assert events[-1]["variants"]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("list",), "available"),
        (("info", "ID"), "GB to download"),
        (("check-remote", "ID"), "available"),
        (("download", "ID"), "available"),
        (("verify", "ID"), "files"),
        (("verify", "ID", "--deep"), "files"),
        (("repair", "ID"), "files"),
        (("history", "ID"), "download"),
        (("remove", "ID"), "In the trash"),
    ],
    ids=lambda part: "-".join(part) if isinstance(part, tuple) else "",
)
def test_that_people_are_told_in_words(
    downloaded: str, home: AppPaths, capsys: pytest.CaptureFixture[str], argv: tuple[str, ...], words: str
) -> None:
    capsys.readouterr()
    assert main(["models", *(downloaded if part == "ID" else part for part in argv)], home) == 0
    assert words in capsys.readouterr().out


def test_that_a_reader_who_leaves_is_no_error(home: AppPaths) -> None:
    code = "from wan_desktop.app import main; raise SystemExit(main())"
    command = [sys.executable, "-c", code, "models", "list"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "WAN_DESKTOP_HOME": str(home.data)}
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (130, b"")


def test_that_history_tells_what_happened(downloaded: str, run: Run) -> None:
    run("verify", downloaded, "--deep")
    kinds = [(event["kind"], event["outcome"]) for event in run("history", downloaded)[1] if event["event"] == "entry"]
    assert kinds == [("deep-check", "good"), ("download", "done")]


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("info", "nothing"), "model-not-found"),
        (("verify", "nothing"), "model-not-found"),
        (("verify", "wan2.2-ti2v-5b"), "model-not-found"),
        (("repair", "wan2.2-ti2v-5b"), "model-not-found"),
        (("remove", "wan2.2-ti2v-5b"), "model-not-found"),
        (("download", "shapes"), "request-impossible"),
        (("download", "wan2.2-ti2v-5b", "--variant", "Q99"), "request-impossible"),
        (("download", "wan2.2-ti2v-5b", "--limit", "-3"), "input-invalid"),
        (("add", "not a name"), "input-invalid"),
        (("add", "wan/unknown"), "repository-not-found"),
        (("adopt", "/nowhere/at/all"), "model-not-found"),
        (("download", "wan2.2-ti2v-5b"), "repository-not-found"),
    ],
)
def test_that_what_cannot_be_done_is_told(hub: FakeHub, run: Run, argv: tuple[str, ...], code: str) -> None:
    exit_code, events = run(*argv)
    assert exit_code == 1
    assert events[-1]["code"] == code
    assert events[-1]["message"]
    assert events[-1]["hint"]


# The access token -------------------------------------------------------------------------------------------------


@pytest.fixture
def passwords() -> Iterator[MemoryKeyring]:
    ring = keyring.get_keyring()
    assert isinstance(ring, MemoryKeyring)
    ring.passwords.clear()
    yield ring
    ring.passwords.clear()
    ring.locked = False


@pytest.fixture
def type_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_that_a_gated_repository_opens_with_the_token(
    hub: FakeHub, run: Run, files: dict[str, bytes], passwords: MemoryKeyring, type_in: Callable[[str], None]
) -> None:
    hub.add_repo(GATED, files, gated=True)
    code, events = run("add", GATED)
    assert code == 0, "names and sizes are public"
    model_id = events[-1]["model_id"]
    code, events = run("download", model_id)
    assert (code, events[-1]["code"]) == (1, "access-denied")
    assert "token" in events[-1]["hint"]
    type_in(f"{hub.token}\n")
    code, events = run("token")
    assert (code, events[-1]["kept"]) == (0, True)
    assert hub.token not in str(events)
    assert run("download", model_id)[0] == 0
    assert not [request for request in hub.requests if request.host == "cdn" and hub.token in str(request)]
    run("token", "--forget")
    assert not passwords.passwords


@pytest.mark.parametrize("text", ["", "\n", "hf_a b\n", "hf_\u00e9\n", "hf_a\x0bEvil: 1\n"])
def test_that_rubbish_is_no_token(
    hub: FakeHub, run: Run, passwords: MemoryKeyring, type_in: Callable[[str], None], text: str
) -> None:
    type_in(text)
    code, events = run("token")
    assert (code, events[-1]["code"]) == (1, "input-invalid")
    assert not passwords.passwords


def test_that_a_locked_keyring_is_told(
    hub: FakeHub, run: Run, passwords: MemoryKeyring, type_in: Callable[[str], None]
) -> None:
    passwords.locked = True
    type_in("hf_secret\n")
    code, events = run("token")
    assert (code, events[-1]["code"]) == (1, "settings-not-saved")
    assert "Unlock" in events[-1]["hint"]
    assert run("add", REPO)[0] == 0, "public models need no token"
