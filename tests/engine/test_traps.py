"""Ways of diffusers 0.42 that give wrong videos in silence are not used anywhere in the engine."""

import ast
from pathlib import Path

import pytest

import wan_desktop.engine
from tests.conftest import TinyModel
from wan_desktop.core.prompt import PromptTokenizer

SOURCES = sorted(Path(wan_desktop.engine.__path__[0]).glob("*.py"))
TRAPS = {
    "enable_group_offload": "with a disk folder the second expert runs with the first one's weights",
    "set_attention_backend": "sets a process-wide global that its reset does not undo",
    "enable_sequential_cpu_offload": "raises TypeError with accelerate 1.15",
    "enable_model_cpu_offload": "leaves the VAE on the card while steps run",
    "enable_cache": "FasterCache fails with two experts, TaylorSeer does nothing by default",
    "load_image": "connects to the network even when told to be offline",
}


def names_used(source: Path) -> set[str]:
    """Every name and attribute of a file."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return names | {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_that_no_trap_is_used(source: Path) -> None:
    assert not TRAPS.keys() & names_used(source)


def test_that_single_files_are_read_with_the_folders_config_only() -> None:
    """Without one diffusers asks the Hub, and takes the wrong one."""
    trees = [ast.parse(source.read_text(encoding="utf-8")) for source in SOURCES]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    single = [call for call in calls if getattr(call.func, "attr", "") == "from_single_file"]
    assert len(single) == 1
    assert {"config", "subfolder", "local_files_only"} <= {keyword.arg for keyword in single[0].keywords}


def test_that_nothing_is_loaded_by_pickle_or_from_the_network() -> None:
    text = "\n".join(source.read_text(encoding="utf-8") for source in SOURCES)
    assert "torch.load" not in text
    assert "trust_remote_code=True" not in text
    loaded = sum(text.count(f".{name}(") for name in ("from_pretrained", "from_single_file", "load_config"))
    assert loaded == text.count("local_files_only=True")


def test_that_the_pipelines_prompt_cleaning_has_its_dependency() -> None:
    """Without ftfy diffusers imports, and fails at the first prompt."""
    from diffusers.pipelines.wan.pipeline_wan_i2v import prompt_clean  # noqa: PLC0415

    assert prompt_clean("  a &amp;  red\u00a0fox ") == "a & red fox"


@pytest.mark.parametrize("text", ["a red fox", "A Fox.", "", "unknown words here", "the  snow"])
def test_that_the_window_counts_tokens_as_the_engine_does(tiny_model: TinyModel, text: str) -> None:
    from transformers import T5TokenizerFast  # noqa: PLC0415

    folder = tiny_model("t2v")
    engine = T5TokenizerFast.from_pretrained(folder / "tokenizer", local_files_only=True)
    assert PromptTokenizer(folder).count(text) == len(engine(text).input_ids)
