"""Models of real or tiny size with random weights, written as folders that the engine loads like any other.

No tensor is ever in memory: the real classes are made on torch's meta device to learn names and shapes, and each
tensor's place in its file is filled with a repeated piece of random numbers. A sparse file has only the beginning of
each tensor on disk, the rest reads as zeros; that is enough where only memory is measured.
"""

import json
import math
import os
import shutil
import struct
import warnings
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import diffusers
import gguf
import numpy as np
import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanTransformer3DModel
from gguf import GGMLQuantizationType, GGUFWriter, LlamaFileType
from torch import Tensor
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    CLIPVisionModel,
    T5TokenizerFast,
    UMT5Config,
    UMT5EncoderModel,
)

from benchmarks.estimate import VAE_22_CONFIG, catalog_shape
from wan_desktop.core.catalog import read_catalog
from wan_desktop.core.model_shape import (
    TEXT_ENCODER_CONFIG,
    TRANSFORMER_CONFIGS,
    ModelShape,
    text_encoder_of_config,
    transformer_of_config,
    vae_of_config,
)
from wan_desktop.core.paths import resources_folder

CLIP_CONFIG: Mapping[str, int] = {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 16,
    "image_size": 224,
    "patch_size": 14,
    "projection_dim": 1024,
}
"""CLIP ViT-H/14, the image encoder of the Wan2.1-I2V repositories, without the projection that their file may hold."""
_HEAD_BYTES = 4096  # a page: of a sparse file so much of each tensor is on disk, and two experts differ in it
_PIECE_BYTES = 16 << 20
_WEIGHT = 0.02
"""Standard deviation of the numbers: nothing overflows through 40 blocks of it."""
_BLOCK = 32


class Packaging(StrEnum):
    """How the transformers' weights lie on disk."""

    BFLOAT16 = "bfloat16"
    """The folder's own, as the store keeps them."""
    FP8_FILE = "fp8-file"
    """One safetensors file each, the linear layers of the blocks in float8_e4m3fn."""
    Q8_0 = "Q8_0"
    Q4_0 = "Q4_0"
    """GGUF."""

    @property
    def is_gguf(self) -> bool:
        """It stays quantised in memory."""
        return self in (Packaging.Q8_0, Packaging.Q4_0)


_KINDS = {Packaging.BFLOAT16: "BF16", Packaging.FP8_FILE: "F8_E4M3", Packaging.Q8_0: "Q8_0", Packaging.Q4_0: "Q4_0"}
_DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "F8_E4M3": torch.float8_e4m3fn}
_BLOCKS = {"F32": (4, 1), "F16": (2, 1), "BF16": (2, 1), "F8_E4M3": (1, 1), "Q8_0": (34, 32), "Q4_0": (18, 32)}
"""Bytes of a block, and how many numbers it holds; ggml-common.h of llama.cpp."""
_FILE_TYPES = {"Q8_0": LlamaFileType.MOSTLY_Q8_0, "Q4_0": LlamaFileType.MOSTLY_Q4_0}


@dataclass(frozen=True, slots=True)
class RandomModel:
    """What a model is made of: the configs of its parts, as their classes take them."""

    model_id: str
    transformer: Mapping[str, Any]
    text: Mapping[str, int]
    vae: Mapping[str, Any]
    image: Mapping[str, int]
    """Of the image encoder; empty for a model without."""
    boundary_ratio: float | None
    """None for one transformer, else where the second of two takes over."""
    expand_timesteps: bool

    @property
    def experts(self) -> tuple[str, ...]:
        """Names of its transformers."""
        return ("transformer",) if self.boundary_ratio is None else ("transformer", "transformer_2")

    @property
    def takes_text(self) -> bool:
        """It needs no start image."""
        return bool(self.transformer.get("in_channels", 16) == self.vae.get("z_dim", 16))

    @property
    def takes_image(self) -> bool:
        """A start image can be given."""
        return self.expand_timesteps or not self.takes_text


def real_models() -> tuple[RandomModel, ...]:
    """All models of the catalog that are made from Wan's classes, in their real sizes."""
    catalog = read_catalog(resources_folder())
    models = []
    for model_id, config in TRANSFORMER_CONFIGS.items():
        shape = catalog_shape(catalog[model_id])
        models.append(
            RandomModel(
                model_id=model_id,
                transformer=config,
                text=TEXT_ENCODER_CONFIG,
                vae=VAE_22_CONFIG if shape.vae.is_residual else {},
                image=CLIP_CONFIG if config.get("image_dim") else {},
                boundary_ratio=shape.boundary_ratio,
                expand_timesteps=shape.expand_timesteps,
            )
        )
    return tuple(models)


_TINY = {
    "num_layers": 2,
    "num_attention_heads": 2,
    "attention_head_dim": 32,
    "ffn_dim": 128,
    "text_dim": 32,
    "freq_dim": 32,
    "rope_max_seq_len": 64,
}
_TINY_VAE = {"base_dim": 4, "dim_mult": [1, 1, 1, 1], "num_res_blocks": 1}
_TINY_TEXT = {"num_layers": 2, "d_model": 32, "d_ff": 64, "d_kv": 8, "num_heads": 4, "vocab_size": 128}
_TINY_CLIP = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 16,
}


def tiny_models() -> tuple[RandomModel, ...]:
    """The same kinds of models, a few hundred kilobytes each."""
    image = {**_TINY, "in_channels": 36, "out_channels": 16, "image_dim": 32, "added_kv_proj_dim": 64}
    residual = {**_TINY, "in_channels": 48, "out_channels": 48}
    residual_vae = {**VAE_22_CONFIG, **_TINY_VAE, "decoder_base_dim": 4}
    return (
        RandomModel("tiny-t2v", _TINY, _TINY_TEXT, _TINY_VAE, {}, None, expand_timesteps=False),
        RandomModel("tiny-two-experts", _TINY, _TINY_TEXT, _TINY_VAE, {}, 0.875, expand_timesteps=False),
        RandomModel("tiny-i2v", image, _TINY_TEXT, _TINY_VAE, _TINY_CLIP, None, expand_timesteps=False),
        RandomModel("tiny-ti2v", residual, _TINY_TEXT, residual_vae, {}, None, expand_timesteps=True),
    )


# Names, shapes and sizes ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """A tensor of a file."""

    name: str
    shape: tuple[int, ...]
    kind: str
    """Its number format, as safetensors and GGUF name it."""

    @property
    def size_bytes(self) -> int:
        """In the file."""
        block_bytes, numbers = _BLOCKS[self.kind]
        return math.prod(self.shape) // numbers * block_bytes


@cache
def _made(make: Callable[[Any], Any], config: str) -> tuple[tuple[str, tuple[int, ...]], ...]:
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = make(json.loads(config))
    return tuple((name, tuple(parameter.shape)) for name, parameter in module.named_parameters())


def _shapes(make: Callable[[Any], Any], config: Mapping[str, Any]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Name and shape of each parameter of the real class; tied ones once."""
    return _made(make, json.dumps(dict(config), sort_keys=True))


def _make_transformer(config: Any) -> Any:
    return WanTransformer3DModel(**config)


def _make_vae(config: Any) -> Any:
    return AutoencoderKLWan(**config)


def _make_text(config: Any) -> Any:
    return UMT5EncoderModel(UMT5Config(**config))


def _make_image(config: Any) -> Any:
    return CLIPVisionModel(CLIPVisionConfig(**config))


def transformer_entries(model: RandomModel, packaging: Packaging) -> list[Entry]:
    """The tensors of one transformer's file."""
    return [
        Entry(name, shape, _KINDS[packaging] if _is_quantised(name, shape) else _plain_kind(name, shape, packaging))
        for name, shape in _shapes(_make_transformer, model.transformer)
    ]


def _is_quantised(name: str, shape: tuple[int, ...]) -> bool:
    """As in the files that people pass around: the linear layers of the blocks."""
    return name.startswith("blocks.") and len(shape) == 2 and shape[1] % _BLOCK == 0


def _plain_kind(name: str, shape: tuple[int, ...], packaging: Packaging) -> str:
    """What diffusers keeps in float32 stays so on disk; of GGUF files all but matrices."""
    if packaging.is_gguf:
        return "F16" if len(shape) == 2 else "F32"
    kept: list[str] = WanTransformer3DModel._keep_in_fp32_modules
    return "BF16" if set(name.split(".")).isdisjoint(kept) else "F32"


def text_entries(model: RandomModel) -> list[Entry]:
    """Of the text encoder, in bfloat16."""
    return [Entry(name, shape, "BF16") for name, shape in _shapes(_make_text, model.text)]


def vae_entries(model: RandomModel) -> list[Entry]:
    """Of the VAE, in float32."""
    return [Entry(name, shape, "F32") for name, shape in _shapes(_make_vae, model.vae)]


def image_entries(model: RandomModel) -> list[Entry]:
    """Of the image encoder, in float16 as in the official repositories; none for a model without."""
    return [Entry(name, shape, "F16") for name, shape in _shapes(_make_image, model.image)] if model.image else []


def shape_of_model(model: RandomModel, packaging: Packaging) -> ModelShape:
    """What `shape_of_folder` says of the model's folder, up to the files' headers; nothing is written for it."""
    transformer = transformer_of_config(model.transformer)
    entries = transformer_entries(model, packaging)
    stored_bytes = sum(entry.size_bytes for entry in entries)
    if packaging.is_gguf:
        kept = [entry for entry in entries if entry.kind == packaging.value]
        plain = transformer.parameters - sum(math.prod(entry.shape) for entry in kept)
        # As the engine keeps them: 16 bits, or 32 where diffusers wants that.
        stored_bytes = sum(entry.size_bytes for entry in kept) + 2 * plain + 2 * min(plain, transformer.fp32_parameters)
    elements = {entry.name: math.prod(entry.shape) for entry in vae_entries(model)}
    parts = {"text_encoder": text_entries(model), "vae": vae_entries(model), "image_encoder": image_entries(model)}
    parts |= dict.fromkeys(model.experts, entries)
    return ModelShape(
        transformer=replace(transformer, stored_bytes=stored_bytes, quantised=packaging.is_gguf),
        experts=len(model.experts),
        text_encoder=text_encoder_of_config(model.text),
        vae=vae_of_config({"z_dim": 16, **model.vae}, elements),
        image_encoder_parameters=sum(math.prod(entry.shape) for entry in parts["image_encoder"]),
        expand_timesteps=model.expand_timesteps,
        boundary_ratio=model.boundary_ratio,
        weights_bytes={name: sum(entry.size_bytes for entry in part) for name, part in parts.items() if part},
    )


# Folders -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MadeModel:
    """A model on disk."""

    folder: Path
    transformer_files: tuple[str, ...]
    """As a plan wants them; empty where the folder has its own."""


class ModelMaker:
    """Makes model folders, one after the other; the text encoder is written once and shared by hard links.

    Args:
        root: Gets all of them.
        dense: All numbers are on disk, else only the beginning of each tensor. Windows keeps whole files anyway.
    """

    def __init__(self, root: Path, *, dense: bool) -> None:
        self._root, self._dense = root, dense
        self._texts: dict[str, Path] = {}

    def bytes_needed(self, model: RandomModel, packaging: Packaging) -> int:
        """Of disk, beside what is there already, while that model is there."""
        transformers = transformer_entries(model, packaging) * len(model.experts)
        text = [] if self._text_key(model) in self._texts else text_entries(model)
        entries = [*transformers, *text, *vae_entries(model), *image_entries(model)]
        if self._dense or os.name == "nt":
            return sum(entry.size_bytes for entry in entries)
        return sum(min(2 * _HEAD_BYTES, entry.size_bytes) for entry in entries)

    def make(self, model: RandomModel, packaging: Packaging) -> MadeModel:
        """Write it; `remove` it before the next one is made.

        Raises:
            OSError: The disk is full, or has no hard links.
        """
        folder = self._root / f"{model.model_id}-{packaging}"
        files: list[str] = []
        for name in model.experts:
            self._config(folder / name, WanTransformer3DModel, model.transformer)
            entries = transformer_entries(model, packaging)
            if packaging is Packaging.BFLOAT16:
                self._safetensors(folder / name / "diffusion_pytorch_model.safetensors", entries)
            else:
                suffix = "gguf" if packaging.is_gguf else "safetensors"
                files.append(str((folder / f"{name}-{packaging}.{suffix}").absolute()))
                (self._gguf if packaging.is_gguf else self._safetensors)(Path(files[-1]), entries)
        self._config(folder / "vae", AutoencoderKLWan, model.vae)
        self._safetensors(folder / "vae" / "diffusion_pytorch_model.safetensors", vae_entries(model))
        if model.image:
            CLIPVisionConfig(**model.image).save_pretrained(folder / "image_encoder")
            self._safetensors(folder / "image_encoder" / "model.safetensors", image_entries(model))
            side = model.image["image_size"]
            processor = CLIPImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
            processor.save_pretrained(folder / "image_processor")
        UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=3.0
        ).save_pretrained(folder / "scheduler")
        self._link_text(model, folder)
        (folder / "model_index.json").write_text(json.dumps(_index(model)), encoding="utf-8")
        return MadeModel(folder, tuple(files))

    def remove(self, made: MadeModel) -> None:
        """Delete its folder; the shared text encoder stays."""
        shutil.rmtree(made.folder)

    def _config(self, folder: Path, kind: Any, config: Mapping[str, Any]) -> None:
        with torch.device("meta"):
            kind(**config).save_config(folder)

    def _text_key(self, model: RandomModel) -> str:
        return "text-" + "-".join(str(value) for value in model.text.values())

    def _link_text(self, model: RandomModel, folder: Path) -> None:
        key = self._text_key(model)
        if key not in self._texts:
            place = self._root / key
            UMT5Config(**model.text).save_pretrained(place / "text_encoder")
            self._safetensors(place / "text_encoder" / "model.safetensors", text_entries(model))
            _tokenizer(model.text["vocab_size"]).save_pretrained(place / "tokenizer")
            self._texts[key] = place
        for file in self._texts[key].rglob("*"):
            target = folder / file.relative_to(self._texts[key])
            if file.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(file, target)

    def _safetensors(self, file: Path, entries: Iterable[Entry]) -> None:
        """The format: length of the header in 8 bytes, header as JSON, tensors (safetensors' README)."""
        header: dict[str, Any] = {}
        end = 0
        known = list(entries)
        for entry in known:
            spans = [end, end + entry.size_bytes]
            header[entry.name] = {"dtype": entry.kind, "shape": list(entry.shape), "data_offsets": spans}
            end = spans[1]
        raw = json.dumps(header).encode()
        raw += b" " * (-len(raw) % 8)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as stream:
            stream.write(struct.pack("<Q", len(raw)) + raw)
            for entry in known:
                self._fill(stream, entry, file)
            stream.truncate(8 + len(raw) + end)

    def _gguf(self, file: Path, entries: Iterable[Entry]) -> None:
        known = list(entries)
        writer = GGUFWriter(file, "wan")
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
        quantised = {entry.kind for entry in known if entry.kind in _FILE_TYPES}
        writer.add_file_type(_FILE_TYPES[quantised.pop()])
        for entry in known:
            number = GGMLQuantizationType[entry.kind]
            shape = entry.shape
            if entry.kind in _FILE_TYPES:  # the writer wants it in bytes
                shape = (*shape[:-1], entry.size_bytes // math.prod(shape[:-1]))
            writer.add_tensor_info(entry.name, shape, _byte_type(entry.kind), entry.size_bytes, raw_dtype=number)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        writer.close()
        with file.open("r+b") as stream:
            end = stream.seek(0, os.SEEK_END)
            for entry in known:
                end += -end % writer.data_alignment
                stream.seek(end)
                self._fill(stream, entry, file)
                end += entry.size_bytes
            stream.truncate(end + -end % writer.data_alignment)

    def _fill(self, stream: BinaryIO, entry: Entry, file: Path) -> None:
        """From where the stream is; it stands behind the tensor afterwards."""
        piece = memoryview(_piece(entry.kind, zlib.crc32(f"{file.parent.name}/{file.name}".encode())))
        if not self._dense:
            block_bytes = _BLOCKS[entry.kind][0]
            head = min(entry.size_bytes, _HEAD_BYTES // block_bytes * block_bytes)
            stream.write(piece[:head])
            stream.seek(entry.size_bytes - head, os.SEEK_CUR)
            return
        left = entry.size_bytes
        while left:
            left -= stream.write(piece[:left])


def _byte_type(kind: str) -> Any:
    """The writer asks for numpy's type; with `raw_dtype` only whether it is bytes counts."""
    return np.dtype({"F32": np.float32, "F16": np.float16}.get(kind, np.uint8))


@cache
def _piece(kind: str, seed: int) -> bytes:
    """Some megabytes of random numbers in that format: whole blocks."""
    block_bytes, numbers = _BLOCKS[kind]
    blocks = _PIECE_BYTES // block_bytes
    generator = torch.Generator().manual_seed(seed)
    if numbers == 1:
        values = (torch.randn(blocks, generator=generator) * _WEIGHT).to(_DTYPES[kind])
        return values.view(torch.uint8).numpy().tobytes()
    return _quantised_blocks(blocks, block_bytes, generator).numpy().tobytes()


def _quantised_blocks(blocks: int, block_bytes: int, generator: torch.Generator) -> Tensor:
    """Each a scale in float16 and whole numbers of any value behind it."""
    data = torch.randint(0, 256, (blocks, block_bytes), dtype=torch.uint8, generator=generator)
    largest = 128 if block_bytes > _BLOCK else 8
    scale = torch.full((blocks, 1), 2 * _WEIGHT / largest, dtype=torch.float16)
    data[:, :2] = scale.view(torch.uint8)
    return data


def _tokenizer(count: int) -> T5TokenizerFast:
    """One with that many pieces of words."""
    vocab = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    vocab += [(f"▁word{number}", -2.0) for number in range(count - len(vocab))]
    return T5TokenizerFast(vocab=vocab, extra_ids=0, model_max_length=512)


def _index(model: RandomModel) -> dict[str, Any]:
    """model_index.json."""
    index: dict[str, Any] = {
        "_class_name": "WanPipeline" if model.takes_text else "WanImageToVideoPipeline",
        "_diffusers_version": diffusers.__version__,
        "scheduler": ["diffusers", "UniPCMultistepScheduler"],
        "text_encoder": ["transformers", "UMT5EncoderModel"],
        "tokenizer": ["transformers", "T5TokenizerFast"],
        "vae": ["diffusers", "AutoencoderKLWan"],
        "boundary_ratio": model.boundary_ratio,
        "expand_timesteps": model.expand_timesteps,
    }
    index |= {name: ["diffusers", "WanTransformer3DModel"] for name in model.experts}
    if model.image:
        index["image_encoder"] = ["transformers", "CLIPVisionModel"]
        index["image_processor"] = ["transformers", "CLIPImageProcessor"]
    return index
