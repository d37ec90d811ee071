"""The used prompts: the newest first, the pinned on top, and a file that survives rubbish."""

import json
from pathlib import Path

import pytest

from wan_desktop.core.prompt_history import MAX_PROMPTS, PromptHistory, UsedPrompt, matching


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "prompts.json"


def texts(history: PromptHistory) -> list[str]:
    """The prompts in their order."""
    return [prompt.text for prompt in history.prompts()]


def test_that_the_newest_is_first_and_nothing_stands_twice(file: Path) -> None:
    history = PromptHistory(file)
    for text in ("a fox", "a star", "  a fox ", "   "):
        history.add(text)
    assert texts(history) == ["a fox", "a star"]
    assert texts(PromptHistory(file)) == ["a fox", "a star"]


def test_that_a_pinned_prompt_stays_on_top_and_is_never_dropped(file: Path) -> None:
    history = PromptHistory(file)
    history.add("kept")
    history.pin("kept", pinned=True)
    for number in range(MAX_PROMPTS + 5):
        history.add(f"prompt {number}")
    assert texts(history)[:2] == ["kept", f"prompt {MAX_PROMPTS + 4}"]
    assert len(history.prompts()) == MAX_PROMPTS
    history.add("kept")
    assert history.prompts()[0].pinned
    history.pin("kept", pinned=False)
    assert not any(prompt.pinned for prompt in history.prompts())


def test_that_a_deleted_prompt_is_gone(file: Path) -> None:
    history = PromptHistory(file)
    history.add("secret")
    history.add("a star")
    history.delete("secret")
    assert texts(history) == ["a star"]
    assert "secret" not in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("search", "found"),
    [("", 2), ("FOX", 1), ("snow fox", 1), ("fox star", 0), ("zebra", 0)],
)
def test_that_each_word_of_a_search_counts(search: str, found: int) -> None:
    prompts = (UsedPrompt("a fox in the snow", "2026-01-01"), UsedPrompt("a star", "2026-01-02"))
    assert len(matching(prompts, search)) == found


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"format": 9}', '{"format": 1, "prompts": [1]}', '{"prompts": 3}', "[" * 100_000]
)
def test_that_rubbish_is_set_aside(file: Path, content: str) -> None:
    file.parent.mkdir()
    file.write_text(content, encoding="utf-8")
    history = PromptHistory(file)
    assert history.prompts() == ()
    assert file.with_name("prompts.json.unreadable").read_text(encoding="utf-8") == content
    history.add("a fox")
    assert texts(PromptHistory(file)) == ["a fox"]


def test_that_a_full_disk_costs_only_the_file(small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(b"x" * 500_000)
    history = PromptHistory(small_disk / "prompts.json")
    for number in range(MAX_PROMPTS):
        history.add(f"{number} " + "long words " * 40)
    assert len(history.prompts()) == MAX_PROMPTS


def test_that_the_file_says_its_format(file: Path) -> None:
    PromptHistory(file).add("a fox")
    assert json.loads(file.read_text(encoding="utf-8"))["format"] == 1
