"""The prompts that were used, newest first; kept in a small JSON file."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wan_desktop.core.json_file import JsonFile
from wan_desktop.core.store.times import now_utc

MAX_PROMPTS = 200
_MAX_FILE_BYTES = 4_000_000
_MAX_CHARACTERS = 10_000
"""Of one prompt; a model reads some 2,000 of them."""


@dataclass(frozen=True, slots=True)
class UsedPrompt:
    """A prompt that was used."""

    text: str
    used_at: str
    """The last time; ISO 8601, UTC."""
    pinned: bool = False
    """It stays at the top and is never dropped."""


@dataclass(frozen=True, slots=True)
class _Kept:
    prompts: tuple[UsedPrompt, ...] = ()


class PromptHistory:
    """Keeps the last prompts. Rubbish in its file is set aside, never an error. For one thread.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._file = JsonFile(path, _Kept, limit_bytes=_MAX_FILE_BYTES)
        self._known: tuple[UsedPrompt, ...] | None = None

    def prompts(self) -> tuple[UsedPrompt, ...]:
        """All of them: the pinned first, then the newest first."""
        if self._known is None:
            kept = self._file.read()
            self._known = _sorted(kept.prompts if kept is not None else ())
        return self._known

    def add(self, text: str) -> tuple[UsedPrompt, ...]:
        """Note that a prompt was used now; one that was used before moves up instead of standing there twice."""
        text = text.strip()[:_MAX_CHARACTERS]
        if not text:
            return self.prompts()
        before = next((prompt for prompt in self.prompts() if prompt.text == text), None)
        used = UsedPrompt(text, now_utc(), pinned=before is not None and before.pinned)
        return self._keep([used, *(prompt for prompt in self.prompts() if prompt.text != text)])

    def pin(self, text: str, *, pinned: bool) -> tuple[UsedPrompt, ...]:
        """Pin a prompt, or unpin it."""
        return self._keep([replace(each, pinned=pinned) if each.text == text else each for each in self.prompts()])

    def delete(self, text: str) -> tuple[UsedPrompt, ...]:
        """Forget a prompt."""
        return self._keep([each for each in self.prompts() if each.text != text])

    def _keep(self, prompts: Sequence[UsedPrompt]) -> tuple[UsedPrompt, ...]:
        self._known = _sorted(prompts)
        self._file.try_write(_Kept(self._known))  # a full disk costs the history, not the work at hand
        return self._known


def matching(prompts: Sequence[UsedPrompt], search: str) -> tuple[UsedPrompt, ...]:
    """Those in which each word of the search occurs, in their order."""
    words = search.casefold().split()
    return tuple(prompt for prompt in prompts if all(word in prompt.text.casefold() for word in words))


def _sorted(prompts: Sequence[UsedPrompt]) -> tuple[UsedPrompt, ...]:
    """The pinned first, then the newest first, no more than are kept."""
    newest = sorted(prompts, key=lambda prompt: prompt.used_at, reverse=True)
    pinned = [prompt for prompt in newest if prompt.pinned]
    return tuple([*pinned, *(prompt for prompt in newest if not prompt.pinned)][:MAX_PROMPTS])
