"""What the queue finds out about models: which one it is, how long it takes, what helps after a failure."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.hardware import load
from wan_desktop.core.catalog import Model, read_catalog
from wan_desktop.core.errors import EngineError, ModelNotFoundError, OutOfMemoryError, PromptEmptyError
from wan_desktop.core.generation import GenerationDraft
from wan_desktop.core.hardware import HardwareProfile
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.render_help import Help, model_of
from wan_desktop.core.settings import MemoryMode, Settings

LARGE = GenerationDraft(prompt="a fox", width=1280, height=704, num_frames=121, fps=24, num_inference_steps=20)


@pytest.fixture
def paths(tmp_path: Path) -> AppPaths:
    found = AppPaths.find({"WAN_DESKTOP_HOME": str(tmp_path)})
    found.ensure()
    return found


@pytest.fixture(scope="module")
def model(tiny_model: Callable[[str], Path], resources: Path) -> Model:
    """A tiny model with the sizes of a large one."""
    return Model(read_catalog(resources)["wan2.2-ti2v-5b"], inspect_model_folder(tiny_model("ti2v")))


def helps(paths: AppPaths, hardware: HardwareProfile | None) -> Help:
    return Help(paths, Settings(), hardware, None)


def test_that_something_smaller_is_offered_after_a_lack_of_memory(paths: AppPaths, model: Model) -> None:
    found = helps(paths, load("rtx-4070-12gb-32gb")).offers(OutOfMemoryError("Too big."), LARGE, model, ())
    assert found
    for change in found:
        size = (change.width or LARGE.width) * (change.height or LARGE.height) * (change.num_frames or LARGE.num_frames)
        assert size < LARGE.width * LARGE.height * LARGE.num_frames
        assert change.text
    assert helps(paths, load("rtx-4070-12gb-32gb")).offers(EngineError("It died."), LARGE, model, ()) == found


def test_that_nothing_is_offered_where_it_would_not_help(paths: AppPaths, model: Model) -> None:
    here = helps(paths, load("rtx-4070-12gb-32gb"))
    assert here.offers(PromptEmptyError("There is no prompt."), LARGE, model, ()) == ()
    assert helps(paths, None).offers(OutOfMemoryError("Too big."), LARGE, model, ()) == ()


def test_that_a_render_has_an_estimate_where_the_pc_is_known(paths: AppPaths, model: Model) -> None:
    found = helps(paths, load("rtx-4070-12gb-32gb")).estimate(LARGE, model)
    assert found is not None
    assert 0 < found.seconds_low <= found.seconds_high
    assert helps(paths, None).estimate(LARGE, model) is None


def test_that_the_estimate_is_that_of_the_memory_mode(paths: AppPaths, model: Model) -> None:
    pc = load("rtx-4090-24gb-64gb")
    usual = Help(paths, Settings(), pc, None).estimate(LARGE, model)
    saving = Help(paths, Settings(memory_mode=MemoryMode.SAVE_MOST), pc, None).estimate(LARGE, model)
    assert usual is not None
    assert saving is not None
    assert saving.seconds_high > usual.seconds_high


def test_that_a_model_is_found_by_name_or_folder_or_said_to_be_missing(paths: AppPaths, model: Model) -> None:
    assert model_of("shapes", "", paths, Settings(), None).metadata.model_id == "shapes"
    assert model_of(str(model.folder.path), "", paths, Settings(), None).folder.path == model.folder.path
    with pytest.raises(ModelNotFoundError):
        model_of("no-such-model", "", paths, Settings(), None)
    with pytest.raises(ModelNotFoundError, match="not on this PC"):
        model_of("wan2.2-ti2v-5b", "bf16", paths, Settings(), None)
