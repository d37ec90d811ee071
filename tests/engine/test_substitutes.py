"""A render that does not fit goes on with smaller weights or another model, if the settings allow it, and says so."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import TinyModel
from tests.engine.fire import engine
from tests.fakes.failing_engine import Shortage
from wan_desktop.core.catalog import BUILTIN_MODEL_ID, Catalog, find_model, read_catalog
from wan_desktop.core.catalog.added import describe_folder
from wan_desktop.core.errors import OutOfMemoryError
from wan_desktop.core.fallback import LadderError
from wan_desktop.core.generation import GenerationDraft, Sampler
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.manager import ModelManager
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.recipe import read_recipe
from wan_desktop.core.render_planner import RenderPlanner
from wan_desktop.core.render_progress import RenderProgress
from wan_desktop.core.rendering import Renderer
from wan_desktop.core.settings import Settings
from wan_desktop.core.subjects import Subjects

DRAFT = GenerationDraft(prompt="a red circle moving right on a black background", num_inference_steps=2, seed=3)


@pytest.fixture
def paths(tmp_path: Path) -> AppPaths:
    found = AppPaths.find({"WAN_DESKTOP_HOME": str(tmp_path / "home")})
    found.ensure()
    return found


@pytest.fixture
def manager(paths: AppPaths) -> Iterator[ModelManager]:
    opened = ModelManager.open(paths, Settings())
    yield opened
    opened.close()


def render(paths: AppPaths, manager: ModelManager, out: Path, *, allowed: bool) -> list[str]:
    """What is said meanwhile; the model's own weights never fit, whatever the plan."""
    model = find_model(BUILTIN_MODEL_ID, paths.resources)
    settings = Settings(may_use_smaller_variant=allowed)
    said: dict[str, None] = {}

    def report(_: str, progress: RenderProgress) -> None:
        said[progress.notice] = None

    with engine(Shortage("load_model", 1)) as client:
        renderer = Renderer(client, paths, RenderPlanner(paths, settings))
        subjects = Subjects(read_catalog(paths.resources), manager, paths.resources)
        renderer.find_subjects = lambda: subjects
        renderer.render(renderer.settle(DRAFT, model), model, out, JobContext("job", report))
    return [words for words in said if words]


def test_that_smaller_weights_make_it_where_that_is_allowed(
    paths: AppPaths, manager: ModelManager, tmp_path: Path
) -> None:
    said = render(paths, manager, tmp_path / "out.mp4", allowed=True)
    recipe = read_recipe(tmp_path / "out.mp4")
    assert recipe.request.variant
    assert recipe.attempts[0].code == "out-of-memory"
    assert recipe.attempts[-1].variant == recipe.request.variant
    assert any(recipe.request.variant in words for words in said)


def test_that_another_model_makes_it_where_that_is_allowed(
    paths: AppPaths, manager: ModelManager, tmp_path: Path, tiny_model: TinyModel
) -> None:
    folder = tiny_model("t2v")
    tiny = replace(describe_folder(inspect_model_folder(folder), "tiny"), folder=str(folder))
    ours = read_catalog(paths.resources)
    shapes = replace(ours[BUILTIN_MODEL_ID], variants=(), fallback_model_ids=("tiny",))
    model = replace(find_model(BUILTIN_MODEL_ID, paths.resources), metadata=shapes)
    catalog = Catalog({**ours, "tiny": tiny, BUILTIN_MODEL_ID: shapes}, {})
    said: dict[str, None] = {}
    with engine(Shortage("load_model", 1)) as client:
        renderer = Renderer(client, paths, RenderPlanner(paths, Settings(may_use_other_model=True)))
        renderer.find_subjects = lambda: Subjects(catalog, manager, paths.resources)
        wish = {"width": 64, "height": 64, "num_frames": 9, "sampler": Sampler.EULER, "negative_prompt": "a blue ball"}
        settled = renderer.settle(replace(DRAFT, **wish), model)
        context = JobContext("job", lambda _, progress: said.setdefault(progress.notice))
        renderer.render(settled, model, tmp_path / "out.mp4", context)
    recipe = read_recipe(tmp_path / "out.mp4")
    assert recipe.request.model_id == "tiny"
    assert (recipe.request.width, recipe.request.height, recipe.request.num_frames) == (64, 64, 9)
    assert recipe.request.seed == settled.request.seed
    assert (recipe.request.sampler, recipe.request.negative_prompt) == (Sampler.EULER, "a blue ball")
    (notice,) = (words for words in said if "another model" in words)
    assert notice.startswith("With another model, tiny, since memory is short. Other than asked for: ")
    assert f"{recipe.request.num_inference_steps} steps" in notice
    assert "64 x 64" not in notice
    assert recipe.attempts[0].model_id == BUILTIN_MODEL_ID
    assert recipe.attempts[-1].model_id == "tiny"


def test_that_without_leave_it_ends_and_they_are_not_touched(
    paths: AppPaths, manager: ModelManager, tmp_path: Path
) -> None:
    with pytest.raises(OutOfMemoryError) as caught:
        render(paths, manager, tmp_path / "out.mp4", allowed=False)
    cause = caught.value.__cause__
    assert isinstance(cause, LadderError)
    assert any(rung.variant for rung in cause.result.waiting)
    assert not (tmp_path / "out.mp4").exists()
