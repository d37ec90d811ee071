"""What the model's own tokenizer makes of a prompt, without torch."""

import functools
from pathlib import Path

from wan_desktop.core.catalog import TEXT_LENGTH
from wan_desktop.core.errors import IntegrityError
from wan_desktop.core.words import tr

MAX_CHARACTERS = 20_000
MAX_TYPED_CHARACTERS = 10_000
"""Of a text field for prompts: far more than the 512 tokens that a model reads, and drawn without a pause."""


class PromptTokenizer:
    """Counts and cuts as the pipelines do.

    Args:
        model_folder: A folder in diffusers' layout.

    Raises:
        IntegrityError: tokenizer.json is damaged.
    """

    def __init__(self, model_folder: Path) -> None:
        from tokenizers import Tokenizer  # noqa: PLC0415 - the window imports this module, and would pause for it

        file = model_folder / "tokenizer" / "tokenizer.json"
        try:
            self._tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:
            raise IntegrityError(
                tr("{file} cannot be read: {error}.", file=file, error=error), hint=tr("Get the model again.")
            ) from error
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def count(self, text: str) -> int:
        """Tokens of the text, the end token included."""
        return len(self._tokenizer.encode(text).ids)

    def part_read(self, text: str) -> str:
        """The beginning of the text that fits into the limit."""
        encoding = self._tokenizer.encode(text)
        if len(encoding.ids) <= TEXT_LENGTH:
            return text
        return text[: encoding.offsets[TEXT_LENGTH - 2][1]]


def prompt_tokenizer(model_folder: Path) -> PromptTokenizer:
    """The folder's tokenizer; the last ones stay in memory, because that of the real models takes a second to read."""
    file = model_folder / "tokenizer" / "tokenizer.json"
    return _cached_tokenizer(model_folder, file.stat().st_mtime_ns if file.exists() else 0)


@functools.lru_cache(maxsize=2)
def _cached_tokenizer(model_folder: Path, _changed_at: int) -> PromptTokenizer:
    return PromptTokenizer(model_folder)


def clean_prompt(text: str) -> str:
    """One line, without control characters or half characters, at most 20,000 characters."""
    readable = text.encode("utf-8", "ignore").decode("utf-8")
    printable = "".join(c if c.isprintable() else " " for c in readable)
    return " ".join(printable.split())[:MAX_CHARACTERS]
