"""What surviving means: an oracle that knows what was there before an operation, and what may be there after it."""

import re
from collections.abc import Iterable, Mapping

from tests.core.store.model_world import Outcome, World
from tests.core.store.proof_model import NEW
from tests.fakes.hub.answers import Request
from wan_desktop.core.errors import WanError
from wan_desktop.core.store.blocks import BLOCK_BYTES

BOUND_S = 60.0
"""Within that, every operation must have ended, on a busy machine too."""


class Oracle:
    """Knows what was there before an operation and what may be there after it."""

    def __init__(self, world: World, *, removes: bool = False) -> None:
        self._world = world
        self.before = world.files()
        self._goal = {} if removes else world.model.on_disk(world.goal)
        self._committed = world.committed()
        self.missing_bytes = world.missing_bytes()
        self._outside = world.outside()
        self._strangers = world.strangers()

    def check_always(self, outcome: Outcome) -> None:
        """What must hold however the operation ended."""
        world = self._world
        assert outcome.seconds < BOUND_S, "(a) it takes too long"
        files = world.files()
        if world.goal == NEW or not self.before or not self._goal:
            assert files in (self.before, self._goal), "(b) neither the old nor the new revision"
        else:
            for path in files.keys() | self._goal.keys():
                assert files.get(path) in (self.before.get(path), self._goal.get(path)), f"(b) {path} is neither"
        assert not world.believed() or files in self._revisions(), "(d) wrong bytes are believed"
        assert world.outside() == self._outside, "(g) written beside the library"
        assert world.strangers() == self._strangers, "(c) a file that is not ours was touched"
        self._check_secrets()

    def _revisions(self) -> list[dict[str, str]]:
        return [self._world.model.on_disk(commit) for commit in self._world.model.commits]

    def _check_secrets(self) -> None:
        token = self._world.hub.token
        for request in self._world.hub.requests:
            if request.host == "cdn":
                assert token not in str(request), "(g) the token goes to another host"
        for path in self._world.root.rglob("*.json"):
            assert token not in path.read_text(encoding="utf-8", errors="replace"), "(g) the token is on disk"

    def check_failed(self, outcome: Outcome, error: type[Exception]) -> None:
        """It had to fail like that, and what was committed is kept."""
        self.check_always(outcome)
        assert type(outcome.error) is error, f"(e) {outcome.error!r}"
        if isinstance(outcome.error, WanError):
            texts = (outcome.error.code, outcome.error.message, outcome.error.hint)
            assert all(texts), f"(e) {texts}"
        self.check_kept()

    def check_kept(self) -> None:
        """No committed block was lost."""
        now = self._world.committed()
        for path, blocks in self._committed.items():
            assert blocks <= now[path] or self._world.files().get(path) == self._goal.get(path), (
                f"(c) blocks of {path} are lost"
            )

    def check_succeeded(self, outcome: Outcome, *, traffic: float = 1.0) -> None:
        """It had to succeed, for that many times the missing bytes and one block for each connection and file."""
        if outcome.error is not None:
            raise AssertionError(f"it failed: {outcome.error!r}") from outcome.error
        self.check_always(outcome)
        assert self._world.files() == self._goal, "it ended without the goal"
        assert self._world.believed(), "what is right is not believed"
        litter = [*self._world.litter(), *self._world.staged()]
        assert not litter, f"(f) litter: {litter}"
        most_bytes = traffic * self.missing_bytes + 4 * BLOCK_BYTES
        assert self._world.hub.bytes_sent() <= most_bytes, "(f) it costs too much"

    def check_asked(self) -> None:
        """Nothing was asked for that was committed before."""
        again = asked_again(self._world.hub.requests, self._committed)
        assert not again, f"(c) asked again: {again}"


def asked_again(requests: Iterable[Request], committed: Mapping[str, set[int]]) -> dict[str, set[int]]:
    """Committed blocks of which a byte was asked for."""
    again: dict[str, set[int]] = {}
    for request in requests:
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", request.range)
        for path in [path for path in committed if request.method == "GET" and request.path.endswith(f"/{path}")]:
            assert found, f"{request} asks for a whole file"
            asked = set(range(int(found[1]) // BLOCK_BYTES, int(found[2]) // BLOCK_BYTES + 1))
            if asked & committed[path]:
                again.setdefault(path, set()).update(asked & committed[path])
    return again
