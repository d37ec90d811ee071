"""A model on disk in diffusers' layout: what its small files say, and whether its big ones can be what they claim.

Reads configs and headers only, in milliseconds, without torch. Nothing in the folder is trusted: classes come from a
fixed list, weights are safetensors whose header covers the file exactly (safetensors has no checksum; whole-file
hashes are the store's business). The transformers may come from other files, which may be GGUF too.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wan_desktop.core.errors import (
    IntegrityError,
    ModelFilesMissingError,
    ModelNotFoundError,
    NotAWanModelError,
    UnsafeFormatError,
)
from wan_desktop.core.gguf_header import GGUF_SUFFIX, read_gguf_header
from wan_desktop.core.words import mark, tr

PIPELINES = ("WanPipeline", "WanImageToVideoPipeline")
_CLASSES: dict[str, tuple[str, ...]] = {
    "transformer": ("WanTransformer3DModel",),
    "transformer_2": ("WanTransformer3DModel",),
    "vae": ("AutoencoderKLWan",),
    "text_encoder": ("UMT5EncoderModel",),
    "image_encoder": ("CLIPVisionModel", "CLIPVisionModelWithProjection"),
    "image_processor": ("CLIPImageProcessor", "CLIPImageProcessorFast", "CLIPImageProcessorPil"),
    "tokenizer": ("T5Tokenizer", "T5TokenizerFast"),
    "scheduler": ("UniPCMultistepScheduler", "FlowMatchEulerDiscreteScheduler"),
}
_TRANSFORMERS = ("transformer", "transformer_2")
_REQUIRED = ("scheduler", "text_encoder", "tokenizer", "transformer", "vae")
_WEIGHT_STEMS = {
    "transformer": "diffusion_pytorch_model",
    "transformer_2": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
    "image_encoder": "model",
}
_PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_MAX_HEADER_BYTES = 100_000_000  # the limit of the safetensors library
_MAX_JSON_BYTES = 64_000_000  # UMT5's tokenizer.json is 17 MB
_LFS_POINTER = b"version https://git-lfs"
_DOWNLOAD_AGAIN = mark("Get the model again, or choose another folder.")


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """What the folder's configs say, in the words of diffusers."""

    path: Path
    pipeline: str
    scheduler: str
    in_channels: int
    z_dim: int
    size_multiple: int
    """Width and height must be multiples of it: VAE scale times patch."""
    frame_step: int
    """Frames are this times k, plus 1."""
    max_side_px: int
    """Where the position table of the transformer ends."""
    max_frames: int
    boundary_ratio: float | None
    expand_timesteps: bool
    has_image_encoder: bool
    has_two_experts: bool
    pos_embed_seq_len: int | None
    weight_files: Mapping[str, tuple[Path, ...]]

    @property
    def takes_text_only(self) -> bool:
        """A video can be made from a prompt alone."""
        return self.in_channels == self.z_dim

    @property
    def takes_image(self) -> bool:
        """A start image can be given."""
        return self.expand_timesteps or self.in_channels > self.z_dim

    @property
    def takes_last_image(self) -> bool:
        """A last image can be given too: without an image encoder, or with one trained for two images."""
        return (
            self.takes_image
            and not self.expand_timesteps
            and (not self.has_image_encoder or self.pos_embed_seq_len is not None)
        )

    @property
    def weights_bytes(self) -> int:
        """Size of all weights on disk."""
        return sum(file.stat().st_size for files in self.weight_files.values() for file in files)


def inspect_model_folder(path: Path, transformer_files: Sequence[Path] = ()) -> ModelFolder:
    """Read and check a model folder.

    Args:
        path: The folder.
        transformer_files: Taken instead of the folder's own, which then need not be there; one for each transformer.

    Raises:
        ModelNotFoundError: There is no such folder.
        NotAWanModelError: It holds something else.
        ModelFilesMissingError: A file is absent.
        UnsafeFormatError: Weights are there only in a format that can contain code.
        IntegrityError: A file is truncated, of the wrong type, or contradicts another.
    """
    if not path.is_dir():
        raise ModelNotFoundError(
            tr("There is no model folder at {path}.", path=path),
            hint=tr("Choose the folder that holds model_index.json."),
        )
    index = _read_index(path)
    components = _components(index)
    transformer = _read_config(path, "transformer")
    vae = _read_config(path, "vae")
    _check_tokenizer(path)
    files = _component_files(path, components, transformer_files)
    folder = _describe(path, index, components, transformer, vae, files)
    _check_consistency(folder, transformer, vae, components)
    return folder


def _read_index(path: Path) -> dict[str, Any]:
    file = path / "model_index.json"
    if not file.is_file():
        raise NotAWanModelError(
            tr("{path} has no model_index.json, so it is not a model in diffusers' layout.", path=path),
            hint=tr("Choose the folder that holds model_index.json, transformer, vae and text_encoder."),
        )
    index = _read_json(file)
    name = index.get("_class_name")
    if name not in PIPELINES:
        raise NotAWanModelError(
            tr("{path} holds {name!r}; expected one of {known}.", path=path, name=name, known=", ".join(PIPELINES)),
            hint=tr("Choose a Wan model."),
        )
    return index


def _components(index: Mapping[str, Any]) -> frozenset[str]:
    present = set()
    for name, classes in _CLASSES.items():
        entry = index.get(name)
        if not isinstance(entry, list) or len(entry) != 2 or entry[0] is None:
            continue
        if entry[1] not in classes:
            raise NotAWanModelError(
                tr(
                    "model_index.json names {entry!r} as {name}; expected {classes}.",
                    entry=entry[1],
                    name=name,
                    classes=tr(" or ").join(classes),
                ),
                hint=tr("This program loads Wan models made of the standard classes only."),
            )
        present.add(name)
    absent = [name for name in _REQUIRED if name not in present]
    if absent:
        raise NotAWanModelError(
            tr("model_index.json names no {absent}.", absent=", ".join(absent)), hint=tr(_DOWNLOAD_AGAIN)
        )
    return frozenset(present)


def _component_files(
    path: Path, components: frozenset[str], transformer_files: Sequence[Path]
) -> dict[str, tuple[Path, ...]]:
    transformers = [name for name in _TRANSFORMERS if name in components]
    if transformer_files and len(transformer_files) != len(transformers):
        raise IntegrityError(
            tr(
                "The model in {path} has {transformers} transformers, but {files} files are to be loaded for them.",
                path=path,
                transformers=len(transformers),
                files=len(transformer_files),
            ),
            hint=tr("Give one file for each: first the one for high noise, then the one for low noise."),
        )
    replaced = dict(zip(transformers, transformer_files, strict=False))
    for file in replaced.values():
        check_transformer_file(file)
    return {
        name: (replaced[name],) if name in replaced else weight_files(path / name, stem)
        for name, stem in _WEIGHT_STEMS.items()
        if name in components
    }


def check_transformer_file(file: Path) -> None:
    """See whether a single file can be what it claims, by its header.

    Raises:
        ModelFilesMissingError: It is absent.
        UnsafeFormatError: It is in a format that can contain code.
        NotAWanModelError: It is of another kind.
        IntegrityError: It is damaged, or a folder.
    """
    if not file.exists():
        raise ModelFilesMissingError(
            tr("{file} is missing in {folder}.", file=file.name, folder=file.parent),
            hint=tr("Get this version of the model, or use another version."),
        )
    suffix = file.suffix.lower()
    if suffix == GGUF_SUFFIX:
        read_gguf_header(file)
    elif suffix == ".safetensors":
        read_safetensors_header(file)
    elif suffix in _PICKLE_SUFFIXES:
        raise UnsafeFormatError(
            tr("{file} is in a format that can contain program code.", file=file.name),
            hint=tr("Get the model as GGUF or safetensors."),
        )
    else:
        raise NotAWanModelError(
            tr("{file} is neither GGUF nor safetensors by its name.", file=file.name),
            hint=tr("Choose a .gguf or .safetensors file."),
        )


def _describe(
    path: Path,
    index: Mapping[str, Any],
    components: frozenset[str],
    transformer: Mapping[str, Any],
    vae: Mapping[str, Any],
    files: Mapping[str, tuple[Path, ...]],
) -> ModelFolder:
    boundary_ratio = index.get("boundary_ratio")
    try:
        patch = tuple(int(side) for side in transformer.get("patch_size", (1, 2, 2)))
        size_multiple = int(vae.get("scale_factor_spatial", 8)) * patch[1]
        frame_step = int(vae.get("scale_factor_temporal", 4))
        positions = int(transformer.get("rope_max_seq_len", 1024))
        return ModelFolder(
            path=path,
            pipeline=str(index["_class_name"]),
            scheduler=str(index["scheduler"][1]),
            in_channels=int(transformer["in_channels"]),
            z_dim=int(vae["z_dim"]),
            size_multiple=size_multiple,
            frame_step=frame_step,
            max_side_px=positions * size_multiple,
            max_frames=(positions - 1) * frame_step + 1,
            boundary_ratio=None if boundary_ratio is None else float(boundary_ratio),
            expand_timesteps=bool(index.get("expand_timesteps", False)),
            has_image_encoder=transformer.get("image_dim") is not None,
            has_two_experts="transformer_2" in components,
            pos_embed_seq_len=transformer.get("pos_embed_seq_len"),
            weight_files=files,
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise IntegrityError(
            tr("A config in {path} lacks a value or has a wrong one: {error!r}.", path=path, error=error),
            hint=tr(_DOWNLOAD_AGAIN),
        ) from error


def _check_consistency(
    folder: ModelFolder, transformer: Mapping[str, Any], vae: Mapping[str, Any], components: frozenset[str]
) -> None:
    problems = []
    if (folder.boundary_ratio is not None) != folder.has_two_experts:
        # diffusers loads this, and fails only when it switches experts, after minutes.
        problems.append(tr("boundary_ratio and transformer_2 must be there both or neither"))
    if folder.has_image_encoder and not {"image_encoder", "image_processor"} <= components:
        problems.append(tr("the transformer wants an image encoder, which is absent"))
    if transformer.get("out_channels", folder.in_channels) != folder.z_dim:
        problems.append(
            tr(
                "the transformer makes {made} channels, the VAE reads {read}",
                made=transformer.get("out_channels"),
                read=folder.z_dim,
            )
        )
    if folder.in_channels not in (folder.z_dim, 2 * folder.z_dim + folder.frame_step):
        problems.append(
            tr("the transformer reads {channels} channels, which fits no Wan model", channels=folder.in_channels)
        )
    for name in ("latents_mean", "latents_std"):
        if name in vae and len(vae[name]) != folder.z_dim:
            # diffusers loads this too, and fails when it decodes, after all the work.
            problems.append(
                tr(
                    "{name} has {number} values instead of {z_dim}",
                    name=name,
                    number=len(vae[name]),
                    z_dim=folder.z_dim,
                )
            )
    if problems:
        raise IntegrityError(
            tr("The model in {path} contradicts itself: {problems}.", path=folder.path, problems="; ".join(problems)),
            hint=tr(_DOWNLOAD_AGAIN),
        )


def _check_tokenizer(path: Path) -> None:
    # Without it transformers loads an empty tokenizer, and every prompt gives the same wrong video.
    if not (path / "tokenizer" / "tokenizer.json").is_file():
        raise ModelFilesMissingError(
            tr("tokenizer/tokenizer.json is missing in {path}.", path=path), hint=tr(_DOWNLOAD_AGAIN)
        )
    _read_json(path / "tokenizer" / "tokenizer.json")


def weight_files(folder: Path, stem: str) -> tuple[Path, ...]:
    """The safetensors files of one component, each with a sound header.

    Raises:
        ModelFilesMissingError: None, or not all that the index names.
        UnsafeFormatError: There are only pickled weights.
        IntegrityError: A file is not a whole safetensors file.
    """
    index_file = folder / f"{stem}.safetensors.index.json"
    if index_file.is_file():
        weight_map = _read_json(index_file).get("weight_map")
        if not isinstance(weight_map, dict) or not weight_map:
            raise IntegrityError(tr("{index_file} names no files.", index_file=index_file), hint=tr(_DOWNLOAD_AGAIN))
        names = sorted({str(name) for name in weight_map.values()})
        if any(Path(name).name != name for name in names):
            raise IntegrityError(
                tr("{index_file} points outside its folder.", index_file=index_file), hint=tr(_DOWNLOAD_AGAIN)
            )
    else:
        names = [f"{stem}.safetensors"]
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        _refuse_pickles(folder)
        raise ModelFilesMissingError(
            tr(
                "{count} of {total} weight files are missing in {folder}: {missing}.",
                count=len(missing),
                total=len(names),
                folder=folder,
                missing=", ".join(missing[:3]),
            ),
            hint=tr(_DOWNLOAD_AGAIN),
        )
    files = tuple(folder / name for name in names)
    for file in files:
        read_safetensors_header(file)
    return files


def _refuse_pickles(folder: Path) -> None:
    pickles = [file.name for file in folder.glob("*") if file.suffix in _PICKLE_SUFFIXES]
    if pickles:
        raise UnsafeFormatError(
            tr(
                "{folder} holds {file}, a format that can contain program code, and no safetensors.",
                folder=folder,
                file=pickles[0],
            ),
            hint=tr("Get the safetensors version of the model."),
        )


def read_safetensors_header(file: Path) -> dict[str, Any]:
    """The tensors a safetensors file declares: name to dtype, shape and data_offsets.

    Returns:
        The header without `__metadata__`; offsets count from the end of the header.

    Raises:
        IntegrityError: The file is empty, truncated, has bytes left over, or is of another kind.
    """
    size_bytes = file.stat().st_size
    try:
        with file.open("rb") as stream:
            start = stream.read(8)
            if len(start) < 8:
                raise IntegrityError(
                    tr(
                        "{file} in {folder} is empty or cut off ({size_bytes} bytes).",
                        file=file.name,
                        folder=file.parent,
                        size_bytes=size_bytes,
                    ),
                    hint=tr(_DOWNLOAD_AGAIN),
                )
            length = struct.unpack("<Q", start)[0]
            raw = stream.read(length) if length <= min(_MAX_HEADER_BYTES, size_bytes) else b""
        header = json.loads(raw) if len(raw) == length else None
    except (OSError, ValueError, RecursionError) as error:
        raise IntegrityError(
            tr(
                "{file} in {folder} cannot be read as safetensors: {error}.",
                file=file.name,
                folder=file.parent,
                error=error,
            ),
            hint=tr(_DOWNLOAD_AGAIN),
        ) from error
    if not isinstance(header, dict):
        kind = (
            tr("a git-lfs pointer, not the file itself")
            if start == _LFS_POINTER[:8]
            else tr("not a safetensors file, or cut off")
        )
        raise IntegrityError(
            tr(
                "{file} in {folder} is {kind} ({size_bytes} bytes).",
                file=file.name,
                folder=file.parent,
                kind=kind,
                size_bytes=size_bytes,
            ),
            hint=tr(_DOWNLOAD_AGAIN),
        )
    header.pop("__metadata__", None)
    if not all(_is_tensor_entry(entry) for entry in header.values()):
        raise IntegrityError(
            tr("{file} in {folder} has a damaged header.", file=file.name, folder=file.parent), hint=tr(_DOWNLOAD_AGAIN)
        )
    end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
    if 8 + length + end != size_bytes:
        raise IntegrityError(
            tr(
                "{file} in {folder} has {size_bytes} bytes, its header says {expected_bytes}: it is cut off or "
                "overwritten.",
                file=file.name,
                folder=file.parent,
                size_bytes=size_bytes,
                expected_bytes=8 + length + end,
            ),
            hint=tr(_DOWNLOAD_AGAIN),
        )
    return header


def _is_tensor_entry(entry: object) -> bool:
    match entry:
        case {"dtype": str(), "shape": [*shape], "data_offsets": [int() as begin, int() as end]}:
            return all(type(side) is int and side >= 0 for side in shape) and 0 <= begin <= end
    return False


def _read_config(path: Path, component: str) -> dict[str, Any]:
    file = path / component / "config.json"
    if not file.is_file():
        raise ModelFilesMissingError(
            tr("{component}/config.json is missing in {path}.", component=component, path=path),
            hint=tr(_DOWNLOAD_AGAIN),
        )
    return _read_json(file)


def _read_json(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > _MAX_JSON_BYTES:
            raise IntegrityError(tr("{file} is too large for what it should be.", file=file), hint=tr(_DOWNLOAD_AGAIN))
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise IntegrityError(
            tr("{file} cannot be read: {error}.", file=file, error=error), hint=tr(_DOWNLOAD_AGAIN)
        ) from error
    if not isinstance(data, dict):
        raise IntegrityError(tr("{file} is not a JSON object.", file=file), hint=tr(_DOWNLOAD_AGAIN))
    return data
