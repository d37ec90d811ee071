"""The examination of program and PC, and that a report tells nothing of who made it."""

import contextlib
import json
import re
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.fakes.hardware import PROFILES, load
from wan_desktop.core.doctor import (
    Facts,
    HealthFix,
    HealthItem,
    HealthKind,
    HealthState,
    Private,
    examine,
    health_in_words,
    known_prompts,
    report,
    save_report_zip,
    without_private,
    worst,
)
from wan_desktop.core.doctor.files import model_trouble
from wan_desktop.core.engine_client import EngineReady, EngineStarting, EngineState, EngineStopped
from wan_desktop.core.error_help import help_of
from wan_desktop.core.errors import OutOfMemoryError, ReportNotSavedError
from wan_desktop.core.messages import Ready, TorchCard
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.prompt_history import PromptHistory
from wan_desktop.core.records import to_plain
from wan_desktop.core.settings import Settings, load_settings, save_settings
from wan_desktop.core.store.library import ModelKey
from wan_desktop.core.store.status import ModelState, ModelStatus
from wan_desktop.core.video_library.database import Database

DESKTOP = "rtx-3060-12gb-32gb"
READY = Ready(
    app_version="1",
    torch_version="2.13.0",
    diffusers_version="0.42.1",
    device="cuda:0",
    threads=1,
    process_id=1,
    cards=tuple(
        TorchCard(gpu.uuid.removeprefix("GPU-"), gpu.name, gpu.total_bytes, gpu.compute_capability)
        for name in PROFILES
        for gpu in load(name).gpus
    ),
)


@pytest.fixture
def paths(tmp_path: Path) -> AppPaths:
    found = AppPaths.find({"WAN_DESKTOP_HOME": str(tmp_path / "home")})
    found.ensure()
    return found


@pytest.fixture
def own_paths(paths: AppPaths, tmp_path: Path, resources: Path) -> AppPaths:
    """With resources that a test may damage."""
    own = tmp_path / "resources"
    shutil.copytree(resources, own)
    return AppPaths(data=paths.data, videos=paths.videos, resources=own)


def item_of(items: tuple[HealthItem, ...], kind: HealthKind) -> HealthItem:
    return next(item for item in items if item.kind is kind)


def facts_of(paths: AppPaths, **more: object) -> Facts:
    known = {"hardware": load(DESKTOP), "engine": EngineReady(READY), "models": ()}
    return Facts(**({"paths": paths, "settings": Settings()} | known | more))


def test_that_a_healthy_program_is_green(paths: AppPaths) -> None:
    items = examine(facts_of(paths))
    ours = [item for item in items if item.kind is not HealthKind.DISK_SPACE]
    assert [item for item in ours if item.state is not HealthState.GREEN] == []
    assert {item.kind for item in items} == set(HealthKind)
    assert all(item.fix is HealthFix.NONE for item in ours)


def test_that_what_is_not_known_is_said_to_be_not_checked(paths: AppPaths) -> None:
    items = examine(Facts(paths=paths, settings=Settings()))
    for kind in (HealthKind.ENGINE, HealthKind.CARD, HealthKind.MODELS):
        assert item_of(items, kind).state is HealthState.NOT_CHECKED


@pytest.mark.parametrize("name", PROFILES)
def test_that_every_pc_is_examined(name: str, paths: AppPaths) -> None:
    items = examine(facts_of(paths, hardware=load(name)))
    about_pc = [item for item in items if item.kind in (HealthKind.CARD, HealthKind.DRIVER, HealthKind.PAGE_FILE)]
    assert about_pc
    for item in about_pc:
        assert (item.state is HealthState.GREEN) == (item.fix is HealthFix.NONE)
        assert item.sentence.endswith(".")


@pytest.mark.parametrize(
    ("name", "kind", "fix"),
    [
        ("driver-missing-16gb", HealthKind.CARD, HealthFix.OPEN_DRIVER_PAGE),
        ("rtx-2070-8gb-16gb-old-driver", HealthKind.DRIVER, HealthFix.OPEN_DRIVER_PAGE),
        ("gtx-1080-ti-11gb-32gb", HealthKind.COMPUTE_LEVEL, HealthFix.SHOW_PC),
        ("no-card-laptop-8gb", HealthKind.MEMORY, HealthFix.SHOW_PC),
        ("rtx-3060-12gb-16gb-small-page-file", HealthKind.PAGE_FILE, HealthFix.SHOW_PC),
    ],
)
def test_that_a_problem_of_the_pc_has_its_button(name: str, kind: HealthKind, fix: HealthFix, paths: AppPaths) -> None:
    item = item_of(examine(facts_of(paths, hardware=load(name))), kind)
    assert item.state in (HealthState.YELLOW, HealthState.RED)
    assert item.fix is fix


@pytest.mark.parametrize(
    "damage",
    [
        lambda resources: shutil.rmtree(resources / "icons"),
        lambda resources: (resources / "fonts" / "Inter-Regular.otf").unlink(),
        lambda resources: (resources / "catalog" / "wan2.2-ti2v-5b.json").write_text("{"),
        lambda resources: (resources / "catalog" / "shapes.json").unlink(),
    ],
    ids=["no icons", "no font", "damaged entry", "no entry of the built-in model"],
)
def test_that_missing_parts_of_the_program_are_red(damage: Callable[[Path], object], own_paths: AppPaths) -> None:
    damage(own_paths.resources)
    item = item_of(examine(facts_of(own_paths)), HealthKind.PROGRAM)
    assert (item.state, item.fix, item.error_number) == (HealthState.RED, HealthFix.SHOW_HELP, 6001)


def test_that_one_changed_byte_of_the_built_in_model_is_seen(own_paths: AppPaths) -> None:
    weights = own_paths.resources / "models" / "shapes" / "vae" / "diffusion_pytorch_model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    item = item_of(examine(facts_of(own_paths)), HealthKind.BUILTIN_MODEL)
    assert item.state is HealthState.RED
    assert "shapes/vae/diffusion_pytorch_model.safetensors" in item.sentence


def test_that_a_missing_file_of_the_built_in_model_is_seen(own_paths: AppPaths) -> None:
    (own_paths.resources / "models" / "shapes" / "model_index.json").unlink()
    trouble = model_trouble(own_paths.resources)
    assert trouble is not None
    assert trouble.sentence == "Missing: shapes/model_index.json."


def test_that_the_list_of_the_built_in_model_names_all_its_files(resources: Path) -> None:
    """After another training: `sha256sum shapes/model_index.json shapes/*/* > shapes.sha256` in resources/models."""
    lines = (resources / "models" / "shapes.sha256").read_text("utf-8").splitlines()
    files = {file.relative_to(resources / "models").as_posix() for file in (resources / "models" / "shapes").rglob("*")}
    listed = {line.split("  ", 1)[1] for line in lines}
    unlisted = {"shapes/README.md", "shapes/LICENSE"}
    assert listed == {name for name in files if (resources / "models" / name).is_file()} - unlisted
    assert model_trouble(resources) is None


@pytest.mark.parametrize(
    ("state", "health", "fix"),
    [
        (EngineReady(READY), HealthState.GREEN, HealthFix.NONE),
        (EngineStarting(), HealthState.NOT_CHECKED, HealthFix.CHECK_AGAIN),
        (EngineStopped(), HealthState.NOT_CHECKED, HealthFix.START_ENGINE),
        (EngineStopped("It ended with code 1."), HealthState.RED, HealthFix.START_ENGINE),
    ],
)
def test_that_the_engine_is_told_as_it_is(
    state: EngineState, health: HealthState, fix: HealthFix, paths: AppPaths
) -> None:
    item = item_of(examine(facts_of(paths, engine=state)), HealthKind.ENGINE)
    assert (item.state, item.fix) == (health, fix)


def test_that_a_folder_that_cannot_be_written_is_red(paths: AppPaths, tmp_path: Path) -> None:
    file = tmp_path / "a file"
    file.touch()
    settings = Settings(videos_folder=file / "videos", model_folders=(file / "models", tmp_path / "new"))
    items = [item for item in examine(facts_of(paths, settings=settings)) if item.kind is HealthKind.FOLDER]
    assert [item.state for item in items] == [
        HealthState.GREEN, HealthState.RED, HealthState.RED, HealthState.GREEN,
    ]  # fmt: skip
    assert [item.error_number for item in items] == [0, 4002, 6008, 0]
    assert items[1].fix is HealthFix.SHOW_SETTINGS


def test_that_looking_leaves_nothing_behind(paths: AppPaths, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    examine(facts_of(paths))
    assert sorted(tmp_path.rglob("*")) == before


def test_that_a_full_drive_is_red(paths: AppPaths, small_disk: Path) -> None:
    items = examine(facts_of(paths, settings=Settings(videos_folder=small_disk)))
    spaces = [item for item in items if item.kind is HealthKind.DISK_SPACE]
    assert len(spaces) == 2
    videos = next(item for item in spaces if item.name == "Space for: Folder of videos")
    assert (videos.state, videos.fix, videos.error_number) == (HealthState.RED, HealthFix.FREE_DISK, 4001)


@pytest.mark.parametrize(
    ("content", "state"),
    [
        (b'{"theme": "dark"}', HealthState.GREEN),
        (b'{"theme": "pink", "text_scale": 9}', HealthState.YELLOW),
        (b'{"theme": ', HealthState.RED),
        (b"[]", HealthState.RED),
        (b"\xff\xfe\x00", HealthState.RED),
        (b"[" * 100_000, HealthState.RED),
    ],
)
def test_that_settings_are_read_as_they_are(content: bytes, state: HealthState, paths: AppPaths) -> None:
    paths.settings_file.write_bytes(content)
    assert item_of(examine(facts_of(paths)), HealthKind.SETTINGS).state is state


def test_that_settings_that_were_damaged_are_told_until_others_are_saved(paths: AppPaths) -> None:
    paths.settings_file.write_bytes(b"{")
    load_settings(paths.settings_file)
    item = item_of(examine(facts_of(paths)), HealthKind.SETTINGS)
    assert item.state is HealthState.YELLOW
    assert "settings.json.broken" in item.sentence
    save_settings(Settings(), paths.settings_file)
    assert item_of(examine(facts_of(paths)), HealthKind.SETTINGS).state is HealthState.GREEN


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        ((), HealthState.GREEN),
        ((ModelStatus.AVAILABLE, ModelStatus.MISSING), HealthState.GREEN),
        ((ModelStatus.AVAILABLE, ModelStatus.INCOMPLETE), HealthState.YELLOW),
        ((ModelStatus.INCOMPLETE, ModelStatus.CORRUPTED), HealthState.RED),
        ((ModelStatus.ERROR,), HealthState.RED),
    ],
)
def test_that_models_that_need_repair_are_told(
    statuses: tuple[ModelStatus, ...], state: HealthState, paths: AppPaths
) -> None:
    models = [ModelState(ModelKey(f"model-{i}", "bf16"), status, "", "") for i, status in enumerate(statuses)]
    item = item_of(examine(facts_of(paths, models=models)), HealthKind.MODELS)
    assert item.state is state
    assert (item.fix is HealthFix.SHOW_MODELS) == (state is not HealthState.GREEN)


def test_that_a_damaged_database_is_red_and_left_alone(paths: AppPaths) -> None:
    with contextlib.closing(sqlite3.connect(paths.video_library_file)) as made:
        made.execute("CREATE TABLE videos (prompt TEXT)")
        made.executemany("INSERT INTO videos VALUES (?)", [("x" * 500,)] * 200)
        made.commit()
    whole = paths.video_library_file.read_bytes()
    paths.video_library_file.write_bytes(whole[:4096] + bytes(len(whole) - 4096))
    damaged = paths.video_library_file.read_bytes()
    item = next(item for item in examine(facts_of(paths)) if item.name == "List of videos")
    assert (item.state, item.error_number) == (HealthState.RED, 4007)
    assert paths.video_library_file.read_bytes() == damaged


def test_that_a_database_that_a_program_has_to_itself_is_no_trouble(paths: AppPaths) -> None:
    with contextlib.closing(sqlite3.connect(paths.render_queue_file, isolation_level=None)) as held:
        held.execute("PRAGMA locking_mode=EXCLUSIVE")
        held.execute("CREATE TABLE entries (content TEXT)")
        held.execute("BEGIN EXCLUSIVE")
        item = next(item for item in examine(facts_of(paths)) if item.name == "Queue")
    assert item.state is HealthState.GREEN


def test_that_the_worst_counts() -> None:
    def item(state: HealthState) -> HealthItem:
        return HealthItem(kind=HealthKind.ENGINE, name="", state=state, sentence="")

    green, yellow, red, unknown = (item(state) for state in HealthState)
    assert worst([green, yellow, red, unknown]) is HealthState.RED
    assert worst([green, yellow, unknown]) is HealthState.YELLOW
    assert worst([green, unknown]) is HealthState.GREEN
    assert worst([unknown]) is HealthState.NOT_CHECKED


@pytest.mark.parametrize("name", PROFILES)
def test_that_every_number_of_an_item_has_a_help_text(name: str, paths: AppPaths) -> None:
    paths.settings_file.write_bytes(b"[]")
    for item in examine(facts_of(paths, hardware=load(name), engine=EngineStopped("It ended."))):
        assert not item.error_number or help_of(item.error_number) is not None


# The report ----------------------------------------------------------------------------------------------------------


def test_that_a_report_has_what_a_helper_needs(paths: AppPaths) -> None:
    lines = [f"2026-01-31 12:00:00,000 INFO wan_desktop.core.jobs line {number}" for number in range(150)]
    paths.log_file.write_text("\n".join(lines) + "\n", "utf-8")
    facts = facts_of(paths)
    items = examine(facts)
    error = OutOfMemoryError("It needs 14 GB, 11 are free.", hint="Make it smaller.", details="Traceback")
    text = report(facts, items, Private.of(paths, facts.settings), error=error, note="Self test: passed")
    assert "torch 2.13.0" in text
    assert "[ok] Graphics card: NVIDIA GeForce RTX 3060" in text
    assert health_in_words(items)[:30] in text
    assert (
        "WAN-3001 out-of-memory: Not enough memory\nIt needs 14 GB, 11 are free.\nMake it smaller.\nTraceback" in text
    )
    assert "Self test: passed" in text
    assert lines[-1] in text
    assert "line 50\n" in text
    assert "line 49\n" not in text


NAMES = st.from_regex(r"[A-Za-zÄÖÜäöüßéñøå][A-Za-z0-9ÄÖÜäöüßéñøå]{2,11}( [A-Za-z]{3,8})?", fullmatch=True)
TOKENS = st.from_regex(r"hf_[A-Za-z0-9]{20,40}", fullmatch=True)
PROMPTS = st.lists(st.from_regex(r"[a-z]{2,9}", fullmatch=True), min_size=3, max_size=12).map(" ".join)
TEMPLATES = st.sampled_from(
    [
        "saved to {folder}\\Videos\\{prompt}.mp4: denied by {name}",
        "saved to {folder}/{name}/a b/{prompt}.png and {token}",
        "[Errno 13] Permission denied: '{folder}/{prompt}.mp4'",
        'File "{folder}/lib/render.py", line 3, in {name}',
        "Authorization: Bearer {token} for {name}@{name2}.example",
        "https://{name2}:{token}@example.org/{token}?token={token}&user=1",
        '{{"prompt": "{prompt}", "path": "{folder2}\\\\x.mp4", "user": "{name}"}}',
        "{name}-PC {prompt_upper}, {prompt_dashes} {folder2}",
        "2026-01-31 12.00.00 {prompt}.mp4 of ({name})",
        "file://{folder2}/clip.mp4\t{name}\t{token}",
    ]
)


def survives(text: str, words: str) -> bool:
    """Words stand in the text as they are, or with something else between them."""
    pattern = r"[\W_]+".join(re.escape(part) for part in re.findall(r"[^\W_]+", words))
    return re.search(rf"(?<![^\W_]){pattern}(?![^\W_])", text, re.IGNORECASE) is not None


@given(name=NAMES, token=TOKENS, prompt=PROMPTS, templates=st.lists(TEMPLATES, min_size=1, max_size=6))
@example(name="Anna Berg", token="hf_" + "a1" * 12, prompt="a red fox", templates=["{name} {token} {prompt}"])
def test_that_no_name_path_prompt_or_token_survives(name: str, token: str, prompt: str, templates: list[str]) -> None:
    folder, folder2 = f"C:\\Users\\{name}", f"/home/{name}"
    values = {"name": name, "name2": re.sub(r"\W", "", name), "token": token, "folder": folder, "folder2": folder2}
    values |= {"prompt": prompt, "prompt_upper": prompt.upper(), "prompt_dashes": prompt.replace(" ", "-")}
    text = "\n".join(template.format(**values) for template in templates)
    found = without_private(text, Private((name,), (folder, folder2), (prompt,)))
    assert token not in found
    assert not survives(found, name)
    assert not survives(found, prompt)
    assert "Users" not in found
    assert "home" not in found.replace(prompt, "")


@given(name=NAMES, prompt=PROMPTS, count=st.integers(3, 12))
def test_that_the_beginning_of_a_prompt_does_not_survive(name: str, prompt: str, count: int) -> None:
    start = " ".join(prompt.split()[:count])
    found = without_private(f"x {start} y, {start.replace(' ', '_')}", Private((name,), (), (prompt,)))
    assert not survives(found, start)


@given(st.text(), st.lists(st.text(), max_size=3), st.lists(st.text(), max_size=3), st.lists(st.text(), max_size=3))
def test_that_any_text_can_be_blanked(text: str, names: list[str], folders: list[str], prompts: list[str]) -> None:
    assert isinstance(without_private(text, Private(tuple(names), tuple(folders), tuple(prompts))), str)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('File "/opt/app/wan_desktop/core/jobs.py", line 170', 'File "…/jobs.py", line 170'),
        ("D:\\AI\\my models\\wan\\vae.safetensors is damaged", "…/vae.safetensors is damaged"),
        ("https://huggingface.co/Wan-AI/Wan2.2 answers 404", "https://huggingface.co/Wan-AI/Wan2.2 answers 404"),
        ("14.2 of 12.0 GB, 832 x 480, 3 and/or 4", "14.2 of 12.0 GB, 832 x 480, 3 and/or 4"),
        ("card GPU-0a1b2c3d-0000-1111-2222-333344445555", "card ***"),
        ("\\\\server\\share\\clip.mp4 is gone", "… is gone"),
        ("Drive C:\\: NVMe, 12 GB free", "Drive C:\\: NVMe, 12 GB free"),
        ("read / write", "read / write"),
    ],
)
def test_that_what_helps_is_left(text: str, left: str) -> None:
    assert without_private(text, Private()) == left


def test_that_prompts_without_spaces_are_found_in_pieces() -> None:
    found = without_private("gespeichert: 一只红色的狐狸在雪.mp4", Private(prompts=("一只红色的狐狸在雪地里奔跑",)))
    assert "狐狸" not in found


def test_that_all_kept_prompts_are_known(paths: AppPaths) -> None:
    PromptHistory(paths.data / "prompts.json").add("a prompt of the history")
    with contextlib.closing(sqlite3.connect(paths.video_library_file)) as made:
        made.execute("CREATE TABLE videos (prompt TEXT)")
        made.execute("INSERT INTO videos VALUES ('a prompt of the library')")
        made.commit()
    with contextlib.closing(sqlite3.connect(paths.render_queue_file)) as made:
        made.execute("CREATE TABLE entries (content TEXT)")
        order = {"draft": {"prompt": "a prompt of the queue", "negative_prompt": "blur of the queue"}}
        made.executemany("INSERT INTO entries VALUES (?)", [(json.dumps({"order": order}),), ("{",)])
        made.commit()
    assert set(known_prompts(paths)) == {
        "a prompt of the history", "a prompt of the library", "a prompt of the queue", "blur of the queue",
    }  # fmt: skip


def test_that_no_prompts_are_known_of_an_empty_or_damaged_folder(paths: AppPaths) -> None:
    assert known_prompts(paths) == ()
    for file in (paths.data / "prompts.json", paths.video_library_file, paths.render_queue_file):
        file.write_bytes(b"rubbish" * 1000)
    assert known_prompts(paths) == ()


def test_that_the_real_library_is_where_prompts_are_looked_for(paths: AppPaths) -> None:
    database = Database(paths.video_library_file)
    with database.reading() as cursor:
        columns = {row[1] for row in cursor.execute("PRAGMA table_info(videos)")}
    database.close()
    assert "prompt" in columns


def test_that_the_zip_has_the_report_and_all_logs_blanked(paths: AppPaths, tmp_path: Path) -> None:
    secret = "hf_" + "Z9" * 15
    paths.log_file.write_text(f"2026-01-31 12:00:00,000 INFO wan_desktop.x {secret} a fox in the snow\n", "utf-8")
    paths.log_file.with_name("wan-desktop.log.1").write_text("older: a fox in the snow\n", "utf-8")
    facts = facts_of(paths, settings=Settings(videos_folder=tmp_path / "My Videos"))
    items = examine(facts)
    private = Private.of(paths, facts.settings, ["a fox in the snow"])
    file = tmp_path / "report.zip"
    save_report_zip(file, report(facts, items, private), facts, items, private)
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert set(parts) == {
        "wan-desktop-report.txt", "health.json", "settings.json", "hardware.json",
        "logs/wan-desktop.log", "logs/wan-desktop.log.1",
    }  # fmt: skip
    assert len(json.loads(parts["health.json"])) == len(items)
    assert json.loads(parts["hardware.json"])["gpus"][0]["name"] == to_plain(load(DESKTOP))["gpus"][0]["name"]
    everything = "\n".join(parts.values())
    assert not [word for word in (secret, "fox", "My Videos", str(tmp_path), "GPU-") if word in everything]


def test_that_a_zip_that_cannot_be_written_is_told(paths: AppPaths, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    facts = facts_of(paths)
    with pytest.raises(ReportNotSavedError):
        save_report_zip(tmp_path / "file" / "report.zip", "", facts, (), Private())
