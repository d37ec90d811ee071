"""What can be wrong with a model folder, and what is said about it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import TinyModel
from wan_desktop.core.errors import (
    IntegrityError,
    ModelFilesMissingError,
    ModelNotFoundError,
    NotAWanModelError,
    UnsafeFormatError,
    WanError,
)
from wan_desktop.core.model_folder import inspect_model_folder

WEIGHTS = Path("transformer") / "diffusion_pytorch_model.safetensors"


def edit_json(file: Path, **changes: object) -> None:
    """Change values of a JSON file."""
    data = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**data, **changes}), encoding="utf-8")


@pytest.mark.parametrize(
    ("family", "text", "image", "last", "experts", "multiple"),
    [
        ("t2v", True, False, False, False, 16),
        ("t2v_two_experts", True, False, False, True, 16),
        ("i2v_clip", False, True, False, False, 16),
        ("i2v_two_experts", False, True, True, True, 16),
        ("ti2v", True, True, False, False, 32),
        ("flf2v_clip", False, True, True, False, 16),
    ],
)
def test_that_each_family_is_told_apart(
    tiny_model: TinyModel, family: str, text: bool, image: bool, last: bool, experts: bool, multiple: int
) -> None:
    folder = inspect_model_folder(tiny_model(family))
    assert (folder.takes_text_only, folder.takes_image, folder.takes_last_image) == (text, image, last)
    assert (folder.has_two_experts, folder.size_multiple, folder.frame_step) == (experts, multiple, 4)


def test_that_the_builtin_model_is_sound(resources: Path) -> None:
    folder = inspect_model_folder(resources / "models" / "shapes")
    assert folder.takes_text_only
    assert folder.takes_image
    assert folder.weights_bytes < 20_000_000


def cut_one_byte(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def cut_half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def web_page(file: Path) -> None:
    file.write_bytes(b"<!DOCTYPE html><html><body>Access denied</body></html>" * 50)


def lfs_pointer(file: Path) -> None:
    file.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n")


def bytes_left_over(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"x")


def header_flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[9] ^= 0xFF
    file.write_bytes(data)


def endless_header(file: Path) -> None:
    file.write_bytes((2**62).to_bytes(8, "little") + b"{}")


def header_of(entry: object) -> Callable[[Path], None]:
    """Replace the file by one whose header declares that."""

    def damage(file: Path) -> None:
        header = json.dumps({"a": entry}).encode()
        file.write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))

    return damage


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [2], "data_offsets": [-4, 8]},
        {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": ["2"], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": 2, "data_offsets": [0, 8]},
        {"dtype": 32, "shape": [2], "data_offsets": [0, 8]},
        {"dtype": "F32", "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [2], "data_offsets": [0, 4, 8]},
        {"dtype": "F32", "shape": [2], "data_offsets": "08"},
        [],
        None,
    ],
    ids=str,
)
def test_that_a_header_that_makes_no_sense_is_refused(own_model: TinyModel, entry: object) -> None:
    folder = own_model("t2v")
    header_of(entry)(folder / WEIGHTS)
    with pytest.raises(IntegrityError, match="damaged header"):
        inspect_model_folder(folder)


@pytest.mark.parametrize(
    "damage",
    [cut_one_byte, cut_half, empty, web_page, lfs_pointer, bytes_left_over, header_flip, endless_header],
    ids=lambda d: d.__name__,
)
@pytest.mark.parametrize("component", ["transformer", "vae", "text_encoder"])
def test_that_a_damaged_weight_file_is_named(
    own_model: TinyModel, component: str, damage: Callable[[Path], None]
) -> None:
    folder = own_model("t2v")
    file = next((folder / component).glob("*.safetensors"))
    damage(file)
    with pytest.raises(IntegrityError, match=file.name) as caught:
        inspect_model_folder(folder)
    assert caught.value.code == "model-damaged"
    assert caught.value.hint


@pytest.mark.parametrize(
    "name",
    [
        "transformer/config.json",
        str(WEIGHTS),
        "vae/config.json",
        "text_encoder/model.safetensors",
        "tokenizer/tokenizer.json",
    ],
)
def test_that_a_missing_file_is_named(own_model: TinyModel, name: str) -> None:
    folder = own_model("t2v")
    (folder / name).unlink()
    with pytest.raises(ModelFilesMissingError, match=Path(name).name):
        inspect_model_folder(folder)


def test_that_a_missing_shard_is_counted(own_model: TinyModel) -> None:
    folder = own_model("t2v")
    index = {"weight_map": {"a": "part-1.safetensors", "b": "part-2.safetensors"}}
    (folder / WEIGHTS).rename(folder / "transformer" / "part-1.safetensors")
    (folder / "transformer" / f"{WEIGHTS.name}.index.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(ModelFilesMissingError, match=r"1 of 2 weight files are missing.*part-2"):
        inspect_model_folder(folder)


def test_that_an_index_cannot_point_out_of_its_folder(own_model: TinyModel) -> None:
    folder = own_model("t2v")
    index = {"weight_map": {"a": "../vae/diffusion_pytorch_model.safetensors"}}
    (folder / "transformer" / f"{WEIGHTS.name}.index.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(IntegrityError, match="outside its folder"):
        inspect_model_folder(folder)


def test_that_pickled_weights_are_refused(own_model: TinyModel) -> None:
    folder = own_model("t2v")
    (folder / WEIGHTS).rename(folder / "transformer" / "diffusion_pytorch_model.bin")
    with pytest.raises(UnsafeFormatError, match="program code"):
        inspect_model_folder(folder)


@pytest.mark.parametrize(
    ("file", "changes", "words"),
    [
        ("model_index.json", {"boundary_ratio": 0.875}, "boundary_ratio and transformer_2"),
        ("vae/config.json", {"latents_mean": [0.0] * 3}, "latents_mean has 3 values instead of 16"),
        ("transformer/config.json", {"in_channels": 17}, "reads 17 channels"),
        ("transformer/config.json", {"out_channels": 8}, "makes 8 channels"),
        ("transformer/config.json", {"patch_size": "big"}, "wrong one"),
    ],
)
def test_that_contradictions_diffusers_would_load_are_errors(
    own_model: TinyModel, file: str, changes: dict[str, object], words: str
) -> None:
    folder = own_model("t2v")
    edit_json(folder / file, **changes)
    with pytest.raises(IntegrityError, match=words):
        inspect_model_folder(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"_class_name": "StableDiffusionPipeline"},
        {"_class_name": None},
        {"transformer": ["my_module", "EvilTransformer"]},
        {"text_encoder": ["transformers", "BertModel"]},
        {"vae": [None, None]},
    ],
    ids=["other-pipeline", "no-pipeline", "own-class", "other-encoder", "no-vae"],
)
def test_that_another_kind_of_model_is_not_a_wan_model(own_model: TinyModel, changes: dict[str, object]) -> None:
    folder = own_model("t2v")
    edit_json(folder / "model_index.json", **changes)
    with pytest.raises(NotAWanModelError):
        inspect_model_folder(folder)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b"null"], ids=repr)
@pytest.mark.parametrize("file", ["model_index.json", "transformer/config.json", "tokenizer/tokenizer.json"])
def test_that_a_rubbish_config_is_an_error(own_model: TinyModel, file: str, content: bytes) -> None:
    folder = own_model("t2v")
    (folder / file).write_bytes(content)
    with pytest.raises(WanError, match=Path(file).name):
        inspect_model_folder(folder)


def test_that_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="no model folder"):
        inspect_model_folder(tmp_path / "nothing")


def test_that_an_empty_folder_is_not_a_model(tmp_path: Path) -> None:
    with pytest.raises(NotAWanModelError, match=r"model_index\.json"):
        inspect_model_folder(tmp_path)


def test_that_a_file_in_place_of_a_component_folder_is_said(own_model: TinyModel) -> None:
    folder = own_model("t2v")
    shutil.rmtree(folder / "vae")
    (folder / "vae").write_bytes(b"")
    with pytest.raises(ModelFilesMissingError, match=r"vae/config\.json"):
        inspect_model_folder(folder)
