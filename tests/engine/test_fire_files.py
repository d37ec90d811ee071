"""Files that are damaged, or held by another program, under the real engine; and the repair that the store offers."""

import errno
import os
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from diffusers import WanTransformer3DModel

from tests.conftest import TinyModel
from tests.core.store.conftest import KEY, QUICK, REPO, plan_of
from tests.engine.fire import NAMES, PLANS, engine, outcomes, pictures, plan, render, rungs
from tests.engine.test_ladder_under_fire import ONE_EXPERT, TWO_EXPERTS
from tests.fakes.failing_engine import Blocked
from tests.fakes.hub import FakeHub
from tests.fakes.tiny_models import make_tiny_model
from tests.proofs import mostly_proofs
from wan_desktop.core.errors import DriveFaultError, FileBlockedError, IntegrityError
from wan_desktop.core.fallback import LadderError, Outcome
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.load_plan import Placement
from wan_desktop.core.manager import ModelManager
from wan_desktop.core.model_folder import read_safetensors_header
from wan_desktop.core.model_loading import EngineModels
from wan_desktop.core.store.history import History
from wan_desktop.core.store.hub import HubClient
from wan_desktop.core.store.status import ModelStatus

WEIGHTS = "diffusion_pytorch_model.safetensors"
_ONE = struct.pack("<f", 1.0)


@pytest.fixture(scope="module")
def good(tiny_model: TinyModel, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """What the first rung makes when nothing fails."""
    with engine() as client:
        return pictures(render(client, tiny_model("t2v"), tmp_path_factory.mktemp("good")))


# Damage ---------------------------------------------------------------------------------------------------------------

Damage = Callable[[Path], object]


def flip(file: Path, offset: int, bit: int) -> None:
    """One bit, in place; its times are as before, as when a drive rots."""
    before = file.stat()
    with file.open("r+b") as stream:
        stream.seek(offset)
        byte = stream.read(1)[0]
        stream.seek(offset)
        stream.write(bytes([byte ^ 1 << bit]))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def _cut(folder: Path) -> None:
    weights = folder / "transformer" / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-7])


def _remove(folder: Path) -> None:
    (folder / "vae" / WEIGHTS).unlink()


def _remove_shard(folder: Path) -> None:
    shards = sorted((folder / "transformer").glob("*-of-*.safetensors"))
    assert len(shards) > 2
    shards[1].unlink()


def _empty_shard(folder: Path) -> None:
    shards = sorted((folder / "transformer").glob("*-of-*.safetensors"))
    shards[1].write_bytes(b"")


def _flip_in_header(folder: Path) -> None:
    flip(folder / "vae" / WEIGHTS, 8, 0)  # the brace that opens it


def _flip_exponent(folder: Path) -> None:
    """A weight of 1.0 becomes infinite."""
    file = folder / "text_encoder" / "model.safetensors"
    flip(file, _place_of_one(file) + 3, 6)


def _place_of_one(file: Path) -> int:
    """Where in the file a float32 of 1.0 lies."""
    data = file.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    spans = [entry["data_offsets"] for entry in read_safetensors_header(file).values() if entry["dtype"] == "F32"]
    places = (start + place for begin, end in spans for place in range(begin, end, 4))
    return next(place for place in places if data[place : place + 4] == _ONE)


@pytest.mark.parametrize(
    "damage",
    mostly_proofs([_cut, _remove, _remove_shard, _empty_shard, _flip_in_header, _flip_exponent], _cut, _flip_exponent),
    ids=lambda each: each.__name__,
)
def test_that_damaged_files_are_not_tried_on_every_rung(own_model: TinyModel, tmp_path: Path, damage: Damage) -> None:
    folder = own_model("t2v")
    if damage in (_remove_shard, _empty_shard):
        transformer = WanTransformer3DModel.from_pretrained(folder / "transformer")
        (folder / "transformer" / WEIGHTS).unlink()
        transformer.save_pretrained(folder / "transformer", max_shard_size="40KB")
    damage(folder)
    with engine() as client, pytest.raises(LadderError) as caught:
        render(client, folder, tmp_path)
    assert isinstance(caught.value.error, IntegrityError)
    assert caught.value.error.hint
    assert outcomes(caught.value.result) == [("resident", Outcome.DAMAGED)]
    assert not list(tmp_path.rglob("*.mp4"))


def test_that_a_damaged_model_gives_way_to_a_sound_one(
    tiny_model: TinyModel, own_model: TinyModel, tmp_path: Path
) -> None:
    folder = own_model("t2v")
    _flip_exponent(folder)
    ladder = [*rungs(folder, PLANS[:2]), *rungs(tiny_model("t2v"), PLANS[2:], model_id="other")]
    with engine() as client:
        made = render(client, ladder, tmp_path)
    assert outcomes(made.loading) == [("resident", Outcome.DAMAGED), ("blocks", Outcome.DONE)]
    assert [attempt.plan for attempt in made.result.attempts] == ["resident", "blocks"]
    assert made.result.attempts[0].code == IntegrityError.code


def test_that_a_flipped_mantissa_bit_is_a_number_like_any_other(own_model: TinyModel, tmp_path: Path) -> None:
    """The engine has nothing to compare it with: the store has, see below."""
    folder = own_model("t2v")
    file = folder / "transformer" / WEIGHTS
    flip(file, file.stat().st_size - 4, 3)  # the low byte of the last weight
    with engine() as client:
        made = render(client, folder, tmp_path)
    assert outcomes(made.loading) == [("resident", Outcome.DONE)]


# Files that other programs hold ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "winerror"),
    mostly_proofs([(errno.EACCES, 32), (errno.EACCES, 0), (errno.EBUSY, 0)], (errno.EACCES, 32)),
    ids=["sharing violation", "permission", "busy"],
)
def test_that_a_file_that_opens_at_the_third_try_is_no_reason_to_go_down(
    tiny_model: TinyModel, tmp_path: Path, good: np.ndarray, number: int, winerror: int
) -> None:
    pauses: list[float] = []
    with engine(Blocked(f"transformer/{WEIGHTS}", 2, number, winerror)) as client:
        made = render(client, tiny_model("t2v"), tmp_path, wait=pauses.append)
    assert outcomes(made.loading) == [("resident", Outcome.DONE)]
    assert made.loading.attempts[0].retries == 2
    assert [0.25 <= pauses[0] <= 0.5, 0.5 <= pauses[1] <= 1.0, len(pauses)] == [True, True, 2], "no back-off"
    assert np.array_equal(pictures(made), good)


@pytest.mark.parametrize("file", ["text_encoder/model.safetensors", "transformer/config.json"])
def test_that_any_file_of_a_model_may_be_held(
    tiny_model: TinyModel, tmp_path: Path, good: np.ndarray, file: str
) -> None:
    with engine(Blocked(file, 2, winerror=32)) as client:
        made = render(client, tiny_model("t2v"), tmp_path, wait=lambda _: None)
    assert [(made.loading.attempts[0].retries, *each) for each in outcomes(made.loading)] == [
        (2, "resident", Outcome.DONE)
    ]
    assert np.array_equal(pictures(made), good)


@pytest.mark.parametrize(
    ("since", "file"),
    mostly_proofs(
        [("load_model", "vae"), ("create_frames", "transformer_2"), ("build_pictures", "transformer")],
        ("create_frames", "transformer_2"),
    ),
)
def test_that_a_file_held_in_the_midst_of_a_render_costs_no_step(
    tiny_model: TinyModel, tmp_path: Path, since: str, file: str
) -> None:
    """The second expert is read at its turn, and all files once more for the recipe."""
    ladder = rungs(tiny_model("t2v_two_experts"), (ONE_EXPERT,))
    with engine(Blocked(f"{file}/{WEIGHTS}", 2, winerror=32, since=since)) as client:
        made = render(client, ladder, tmp_path, TWO_EXPERTS, wait=lambda _: None)
    assert outcomes(made.loading) == [("one expert", Outcome.DONE)]
    assert made.steps == [1, 2, 3, 4], "a step was made twice"


def test_that_a_text_encoder_held_while_it_is_read_for_a_prompt_is_tried_again(
    tiny_model: TinyModel, tmp_path: Path, good: np.ndarray
) -> None:
    ladder = rungs(tiny_model("t2v"), PLANS[3:])
    blocked = Blocked("text_encoder/model.safetensors", 2, winerror=32, since="read_prompt")
    with engine(blocked) as client:
        made = render(client, ladder, tmp_path, wait=lambda _: None)
    assert (made.loading.attempts[0].retries, outcomes(made.loading)) == (2, [("disk", Outcome.DONE)])
    assert np.array_equal(pictures(made), good)


def test_that_a_file_that_stays_held_is_named(tiny_model: TinyModel, tmp_path: Path) -> None:
    with engine(Blocked(f"transformer/{WEIGHTS}", 10**6, winerror=32)) as client, pytest.raises(LadderError) as caught:
        render(client, tiny_model("t2v"), tmp_path, wait=lambda _: None)
    assert isinstance(caught.value.error, FileBlockedError)
    assert WEIGHTS in caught.value.error.message
    assert caught.value.error.hint
    assert "virus scanner" in caught.value.error.hint
    assert outcomes(caught.value.result) == [(NAMES[0], Outcome.BUSY)]  # the others read the same file
    assert caught.value.result.attempts[0].retries == 3


def test_that_a_drive_that_cannot_read_is_named_and_not_called_damage(tiny_model: TinyModel, tmp_path: Path) -> None:
    with engine(Blocked(f"vae/{WEIGHTS}", 10**6, errno.EIO)) as client, pytest.raises(LadderError) as caught:
        render(client, tiny_model("t2v"), tmp_path)
    assert isinstance(caught.value.error, DriveFaultError)
    assert caught.value.error.hint
    assert outcomes(caught.value.result) == [("resident", Outcome.FAILED)]


# Through the store ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelManager]:
    """A model of two experts that was downloaded."""
    root = tmp_path_factory.mktemp("manager")
    made = make_tiny_model("t2v_two_experts", root / "model")
    files = {path.relative_to(made).as_posix(): path.read_bytes() for path in made.rglob("*") if path.is_file()}
    with FakeHub() as hub:
        hub.add_repo(REPO, files)
        client = HubClient(endpoint=hub.url)
        manager = ModelManager([root / "models"], hub=client, history=History(root / "history.sqlite3"))
        manager.download(plan_of(client), context(), limits=QUICK)
        yield manager
        manager.close()


def context() -> JobContext:
    return JobContext("store", lambda *_: None)


def load(store: ModelManager, *faults: Blocked) -> list[tuple[str, str, int]]:
    """Plan, outcome and retries of each attempt; the engine ends with it."""
    folder = store.libraries.main().folder(KEY)
    with engine(*faults) as client:
        ladder = rungs(folder, (plan("resident", Placement.RESIDENT),), KEY.model_id)
        result = store.load(KEY, ladder, EngineModels(client), context())
        held = store.state(KEY).status
        store.unload(KEY, EngineModels(client))
    assert held is ModelStatus.LOADED
    return [(attempt.plan, attempt.outcome, attempt.retries) for attempt in result.attempts]


def mend(store: ModelManager) -> None:
    """As the hint says: check, repair, and it loads again."""
    report = store.checks.verify(KEY, context(), deep=True)
    assert report.bad
    store.checks.repair(KEY, report, context(), limits=QUICK)
    assert store.checks.verify(KEY, context(), deep=True).good
    assert load(store) == [("resident", Outcome.DONE, 0)]


def _refused(store: ModelManager) -> IntegrityError:
    with pytest.raises(IntegrityError, match="cannot be loaded") as caught:
        load(store)
    assert "repair" in caught.value.hint
    return caught.value


@pytest.mark.parametrize("damage", [_cut, _remove, _flip_in_header], ids=lambda each: each.__name__)
def test_that_what_the_quick_check_sees_is_not_loaded_and_can_be_repaired(store: ModelManager, damage: Damage) -> None:
    damage(store.libraries.main().folder(KEY))
    assert not store.state(KEY).status.usable
    _refused(store)
    mend(store)


def test_that_a_flipped_bit_with_a_new_time_is_not_loaded_before_it_was_read(store: ModelManager) -> None:
    file = store.libraries.main().folder(KEY) / "transformer_2" / WEIGHTS
    beside = file.with_name("beside")
    shutil.copyfile(file, beside)
    flip(beside, file.stat().st_size - 2, 0)
    beside.replace(file)
    assert store.state(KEY).status is ModelStatus.UNKNOWN
    _refused(store)
    mend(store)


def test_that_a_rotten_bit_is_found_by_the_deep_check_and_from_then_on_by_every_look(store: ModelManager) -> None:
    """Times and sizes are as they were, and the number is a number: only who reads all bytes can see it."""
    file = store.libraries.main().folder(KEY) / "transformer_2" / WEIGHTS
    flip(file, file.stat().st_size - 2, 0)
    assert store.state(KEY).status is ModelStatus.AVAILABLE
    assert load(store) == [("resident", Outcome.DONE, 0)]
    report = store.checks.verify(KEY, context(), deep=True)
    assert [finding.path for finding in report.bad] == [f"transformer_2/{WEIGHTS}"]
    assert store.state(KEY).status is ModelStatus.CORRUPTED
    _refused(store)
    mend(store)


def test_that_a_model_whose_file_is_held_is_loaded_at_the_third_try(store: ModelManager) -> None:
    held = Blocked(f"transformer_2/{WEIGHTS}", 2, winerror=32)
    assert load(store, held) == [("resident", Outcome.DONE, 2)]
