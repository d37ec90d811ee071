"""How long the window's thread is busy when 100,000 characters are pasted into the prompt, and at the next key.

    QT_QPA_PLATFORM=offscreen python -m benchmarks.long_prompts

For each kind of text the longest turn of the event loop: Qt lays a paragraph out as a whole, so it grows with the text.
"""

import sys
import time
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QMimeData
from PySide6.QtWidgets import QApplication

from wan_desktop.core.settings import Settings
from wan_desktop.ui.create.prompt_box import PromptBox
from wan_desktop.ui.theme import ThemeManager

_SIGNS = 100_000
_KINDS = {
    "words": "a red fox runs over the snow. ",
    "one word": "x",
    "emoji": "\U0001f98a",
    "families of emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "letters with marks": "e\u0301\u0323",
    "arabic": "\u0645\u0631\u062d\u0628\u0627 ",
    "chinese": "\u72d0",
    "lines": "fox\n",
}


def _longest_turn_ms(application: QApplication, deed: Callable[[], object]) -> float:
    longest_s = 0.0
    turns: list[Callable[[], object]] = [deed, *[application.processEvents] * 10]
    for turn in turns:
        begun = time.perf_counter()
        turn()
        longest_s = max(longest_s, time.perf_counter() - begun)
    return 1000 * longest_s


def main() -> None:
    """Print a line for each kind."""
    application = QApplication([])
    settings = Settings()
    theme = ThemeManager(application, settings.theme, settings.text_scale)
    for name, words in _KINDS.items():
        box = PromptBox("a sample")
        box.resize(360, 300)
        box.show()
        _longest_turn_ms(application, box.repaint)
        data = QMimeData()
        data.setText((words * _SIGNS)[:_SIGNS])
        paste = _longest_turn_ms(application, partial(box.edit.insertFromMimeData, data))
        box.edit.textCursor().deletePreviousChar()
        typed = _longest_turn_ms(application, partial(box.edit.insertPlainText, "a"))
        sys.stdout.write(f"{name:18} paste {paste:4.0f} ms, key {typed:4.0f} ms\n")
        box.close()
    del theme


if __name__ == "__main__":
    main()
