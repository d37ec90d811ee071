"""Settings under a name."""

from pathlib import Path

import pytest

from wan_desktop.core.errors import InputError, SettingsError
from wan_desktop.core.generation import GenerationDraft
from wan_desktop.core.presets import MAX_NAME, MAX_PRESETS, PresetStore

DRAFT = GenerationDraft(
    prompt="a fox", image=Path("/fox.png"), width=96, height=64, num_frames=9, num_inference_steps=8
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "presets.json"


def test_that_a_preset_comes_back_without_prompt_and_picture(file: Path) -> None:
    PresetStore(file).save("  Quick   test ", "shapes", "", DRAFT)
    (preset,) = PresetStore(file).presets()
    assert (preset.name, preset.model_id) == ("Quick test", "shapes")
    assert (preset.draft.prompt, preset.draft.image) == ("", None)
    assert (preset.draft.width, preset.draft.num_frames, preset.draft.num_inference_steps) == (96, 9, 8)


def test_that_presets_are_sorted_and_a_name_is_used_once(file: Path) -> None:
    store = PresetStore(file)
    for name in ("b", "A", "c", "B"):
        store.save(name, "shapes", "", DRAFT)
    assert [preset.name for preset in store.presets()] == ["A", "B", "c"]
    assert [preset.name for preset in store.delete("A")] == ["B", "c"]


def test_that_a_preset_needs_a_name(file: Path) -> None:
    with pytest.raises(InputError):
        PresetStore(file).save("  ", "shapes", "", DRAFT)


def test_that_there_are_not_endlessly_many(file: Path) -> None:
    store = PresetStore(file)
    for number in range(MAX_PRESETS):
        store.save(f"{number}", "shapes", "", DRAFT)
    with pytest.raises(InputError):
        store.save("one more", "shapes", "", DRAFT)
    store.save("0", "shapes", "", DRAFT)


def test_that_a_long_name_is_cut(file: Path) -> None:
    (preset,) = PresetStore(file).save("x" * 500, "shapes", "", DRAFT)
    assert len(preset.name) == MAX_NAME


@pytest.mark.parametrize("content", ["", "[]", '{"format": 7}', '{"format": 1, "presets": [{}]}'])
def test_that_rubbish_is_set_aside(file: Path, content: str) -> None:
    file.write_text(content, encoding="utf-8")
    assert PresetStore(file).presets() == ()
    assert file.with_name("presets.json.unreadable").exists()


def test_that_a_preset_that_cannot_be_written_is_told(file: Path) -> None:
    store = PresetStore(file)
    store.save("kept", "shapes", "", DRAFT)
    file.unlink()
    file.mkdir()
    with pytest.raises(SettingsError):
        store.save("lost", "shapes", "", DRAFT)
    assert [preset.name for preset in store.presets()] == ["kept"]
