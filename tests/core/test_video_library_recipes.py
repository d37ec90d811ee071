"""A recipe out of any file of ours, and into a draft."""

import json
import os
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.core.video_files import RECIPE, cut, recipe, write_foreign, write_video
from wan_desktop.core.errors import RecipeUnreadableError, VideoUnreadableError
from wan_desktop.core.generation import GenerationDraft
from wan_desktop.core.recipe import RECIPE_KEY, draft_of, recipe_id, recipe_of


def picture(path: Path, text: str | None = None) -> Path:
    path.parent.mkdir(exist_ok=True)
    info = PngInfo()
    if text is not None:
        info.add_itxt(RECIPE_KEY, text)
    Image.new("RGB", (64, 32)).save(path, pnginfo=info)
    return path


def test_that_a_draft_asks_for_the_same_video_or_another_of_its_kind() -> None:
    made = recipe(
        image=Path("/pictures/start.png"), guidance_scale_2=2.5, flow_shift=5.0, variant="Q8_0", negative_prompt=""
    )
    same = draft_of(made, keep_seed=True)
    for field in GenerationDraft.__dataclass_fields__:
        assert getattr(same, field) == getattr(made.request, field)
    assert draft_of(made, keep_seed=False).seed is None


def test_that_an_identity_does_not_depend_on_how_a_recipe_is_written() -> None:
    text = RECIPE.to_json()
    data = json.loads(text)
    turned = json.dumps(dict(reversed(data.items())), indent=3, ensure_ascii=False)
    assert recipe_id(text) == recipe_id(turned)
    assert recipe_id(text) != recipe_id(recipe(seed=12).to_json())


def test_that_every_file_of_ours_brings_its_recipe(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4")
    (tmp_path / "a.json").write_text(recipe(prompt="beside").to_json())
    write_foreign(tmp_path / "b.MP4")
    (tmp_path / "b.json").write_text(recipe(prompt="beside").to_json(), encoding="utf-8-sig")
    picture(tmp_path / "a.png")
    picture(tmp_path / "a frames" / "00001.png")
    picture(tmp_path / "own.png", recipe(prompt="im Schnee ❄").to_json())
    (tmp_path / "c.wanrecipe").write_text(recipe(prompt="by itself").to_json())
    found = {
        name: recipe_of(tmp_path / name).request.prompt
        for name in ("a.mp4", "a.json", "b.MP4", "a.png", "a frames/00001.png", "own.png", "c.wanrecipe")
    }
    fox = RECIPE.request.prompt
    assert list(found.values()) == [fox, "beside", "beside", fox, fox, "im Schnee ❄", "by itself"]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.txt", b"hello", "another kind"),
        ("a.json", b"hello", "holds no settings"),
        ("a.json", b"[1, 2]", "holds no settings"),
        ("a.json", b"\xff\xfe\x00", "no text"),
        ("a.json", b"[" * 100_000, "holds no settings"),
        ("a.json", b" " * 4_000_001, "4,000,001 bytes"),
        ("a.json", RECIPE.to_json().replace('"format": 1', '"format": 9').encode(), "newer version"),
        ("a.png", b"hello", "no PNG picture"),
        ("a.png", b"", "no PNG picture"),
    ],
)
def test_that_a_foreign_file_says_what_is_wrong(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RecipeUnreadableError, match=told) as raised:
        recipe_of(tmp_path / name)
    assert raised.value.hint


def test_that_a_picture_of_no_video_says_so(tmp_path: Path) -> None:
    for path in (picture(tmp_path / "a.png"), picture(tmp_path / "frames" / "00001.png")):
        with pytest.raises(RecipeUnreadableError, match="no video that it belongs to"):
            recipe_of(path)
    os.truncate(picture(tmp_path / "b.png"), 40)
    with pytest.raises(RecipeUnreadableError):
        recipe_of(tmp_path / "b.png")


def test_that_a_missing_file_and_a_folder_say_so(tmp_path: Path) -> None:
    (tmp_path / "folder.mp4").mkdir()
    for name in ("none.mp4", "folder.mp4"):
        with pytest.raises(RecipeUnreadableError, match="There is no file"):
            recipe_of(tmp_path / name)


@pytest.mark.parametrize("comment", ["", "holiday", "{not json", '{"comment": 1}', "[]"])
def test_that_a_foreign_video_is_told_apart_from_a_damaged_one(tmp_path: Path, comment: str) -> None:
    with pytest.raises(VideoUnreadableError, match="holds no settings of this program"):
        recipe_of(write_foreign(tmp_path / "sea.mp4", comment))
    with pytest.raises(VideoUnreadableError, match="cannot be read as a video"):
        recipe_of(cut(write_video(tmp_path / "a.mp4"), 0.1))
