"""When a screen reader says what: errors at once, all else at a pace that can be followed, nothing twice in a row."""

from dataclasses import dataclass, field

EVERY_S = 5.0
"""Between two polite announcements."""
AGAIN_S = 10.0
"""After that the same words may be news."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """Something that is to be said."""

    text: str
    assertive: bool = False
    """It cannot wait: an error, or what everybody waits for."""
    topic: str = ""
    """What is said later about the same topic takes the place of what has not been said yet."""


@dataclass(slots=True)
class Announcements:
    """Decides. All times are seconds of one clock that only goes forward."""

    _waiting: list[Announcement] = field(default_factory=list)
    _last: Announcement | None = None
    _last_at: float = float("-inf")
    _errors: dict[str, float] = field(default_factory=dict)
    """When assertive words were said last."""

    def take(self, new: Announcement, now: float) -> Announcement | None:
        """Take something in; returns what is to be said now, None if nothing is."""
        if not new.text.strip():
            return None
        if new.topic:
            self._waiting = [each for each in self._waiting if each.topic != new.topic]
        if new.assertive:
            return self._at_once(new, now)
        is_known = any(each.text == new.text for each in self._waiting)
        if is_known or (not self._waiting and self._was_just_said(new, now)):
            return None
        self._waiting.append(new)
        return self.due(now)

    def due(self, now: float) -> Announcement | None:
        """What has waited long enough, all of it as one; None if it has to wait on, or there is nothing."""
        left = self.wait_s(now)
        if left is None or left > 0:
            return None
        waiting, self._waiting = self._waiting, []
        said = Announcement(sentences(*(each.text for each in waiting))) if len(waiting) > 1 else waiting[0]
        if self._was_just_said(said, now):
            return None
        self._last, self._last_at = said, now
        return said

    def wait_s(self, now: float) -> float | None:
        """How long until something is due; 0 if it is now, None if nothing waits."""
        return max(0.0, self._last_at + EVERY_S - now) if self._waiting else None

    def _at_once(self, new: Announcement, now: float) -> Announcement | None:
        self._errors = {text: at for text, at in self._errors.items() if now - at < AGAIN_S}
        if new.text in self._errors or self._was_just_said(new, now):
            return None
        self._errors[new.text] = now
        self._waiting = [each for each in self._waiting if each.text != new.text]
        self._last, self._last_at = new, now
        return new

    def _was_just_said(self, new: Announcement, now: float) -> bool:
        is_last = self._last is not None and self._last.text == new.text
        return is_last and now - self._last_at < AGAIN_S


def sentences(*texts: str) -> str:
    """The texts as one, with full stops between, so that each is heard as something else; empty ones are left out."""
    words = [text.strip() for text in texts if text.strip()]
    return " ".join([*(each if each[-1] in ".!?…:" else f"{each}." for each in words[:-1]), *words[-1:]])
