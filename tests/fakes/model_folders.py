"""Folders of models as other programs leave them, with real, small files."""

import hashlib
import json
import os
import struct
from collections.abc import Mapping
from math import prod
from pathlib import Path

import numpy as np

from tests.fakes.gguf_files import write_gguf

Shapes = Mapping[str, tuple[int, ...]]

VALUE_BYTES = {"F32": 4, "BF16": 2, "F16": 2, "F8_E4M3": 1}
LFS = (".safetensors", ".gguf", ".model", "tokenizer.json")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def transformer_shapes(width: int, channels: int, *, original: bool = True) -> dict[str, tuple[int, ...]]:
    """Names and shapes by which a Wan transformer is known; one of full width has some hundred kB."""
    names = ("self_attn.q", "head.modulation") if original else ("attn1.to_q", "scale_shift_table")
    return {
        "patch_embedding.weight": (width, channels, 1, 2, 2),
        "patch_embedding.bias": (width,),
        f"blocks.0.{names[0]}.weight": (width, 1),
        names[1]: (1, 2, width),
    }


def text_encoder_shapes() -> dict[str, tuple[int, ...]]:
    """Of a tiny encoder of the T5 kind."""
    return {"shared.weight": (32, 16), "encoder.block.0.layer.0.SelfAttention.q.weight": (16, 16)}


def vae_shapes(z_dim: int) -> dict[str, tuple[int, ...]]:
    """Of a VAE as the authors name its parts."""
    return {"decoder.conv1.weight": (4, z_dim, 3, 3, 3), "decoder.head.0.gamma": (4, 1, 1, 1)}


def safetensors_bytes(shapes: Shapes, *, dtype: str = "BF16", seed: int = 0) -> bytes:
    """A whole safetensors file of tensors with random bytes."""
    header, data_bytes = _header(shapes, dtype)
    return header + np.random.default_rng(seed).bytes(data_bytes)


def put_sparse(file: Path, shapes: Shapes, *, dtype: str = "BF16") -> Path:
    """A whole safetensors file of zeros, which takes no space however large it is."""
    header, data_bytes = _header(shapes, dtype)
    with file.open("wb") as out:
        out.write(header)
        out.truncate(len(header) + data_bytes)
    return file


def _header(shapes: Shapes, dtype: str) -> tuple[bytes, int]:
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + prod(shape) * VALUE_BYTES[dtype]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    raw = json.dumps(header).encode()
    raw += b" " * (-len(raw) % 8)
    return struct.pack("<Q", len(raw)) + raw, end


def put(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write the files into a folder, which is made; returns it."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def put_gguf(file: Path, *, kind: str = "Q8_0") -> Path:
    """A Wan transformer in GGUF, as wide as it must be for the number format."""
    file.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    tensors = {
        "blocks.0.self_attn.q.weight": (rng.standard_normal((64, 256), np.float32), kind),
        "head.modulation": (rng.standard_normal((1, 2, 64), np.float32), "F32"),
    }
    return write_gguf(file, tensors)


def comfyui(folder: Path) -> Path:
    """A models folder of ComfyUI; returns it."""
    models = folder / "ComfyUI" / "models"
    files = {
        "diffusion_models/wan2.2_t2v_high_noise_14B_fp16.safetensors": safetensors_bytes(
            transformer_shapes(5120, 16), dtype="F16"
        ),
        "text_encoders/umt5_xxl_fp8_e4m3fn_scaled.safetensors": safetensors_bytes(
            {**text_encoder_shapes(), "scaled_fp8": (0,)}, dtype="F8_E4M3"
        ),
        "vae/wan_2.1_vae.safetensors": safetensors_bytes(vae_shapes(16)),
        "clip/put_text_encoder_files_here": b"",
        "checkpoints/old.ckpt": b"\x80\x02}q\x00.",
    }
    put(models, files)
    put_gguf(models / "unet" / "Wan2.2-T2V-A14B-LowNoise-Q8_0.gguf")
    return models


def wangp(folder: Path) -> Path:
    """The checkpoints folder of WanGP; returns it."""
    ckpts = folder / "Wan2GP" / "ckpts"
    files = {
        "wan2.2_text2video_14B_high_mbf16.safetensors": safetensors_bytes(transformer_shapes(5120, 16), seed=2),
        "Wan2.1_VAE.safetensors": safetensors_bytes(vae_shapes(16), seed=3),
        "umt5-xxl/models_t5_umt5-xxl-enc-bf16.safetensors": safetensors_bytes(text_encoder_shapes(), seed=4),
        "umt5-xxl/spiece.model": b"pieces",
    }
    return put(ckpts, files)


def git_sha1(data: bytes) -> str:
    """What the Hub calls a small file."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class HfCache:
    """A cache as huggingface_hub 2.4.0 lays it out where there are symlinks.

    Args:
        root: The folder that is called `hub` in a home.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        (root / "CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55\n", encoding="ascii")

    def add(
        self, repo_id: str, files: Mapping[str, bytes], *, commit: str = COMMIT, ref: str = "main", shared: bool = False
    ) -> Path:
        """A snapshot of a repository; returns its folder.

        Args:
            repo_id: Namespace and name.
            files: What is in it.
            commit: Its revision.
            ref: The branch that means this revision; none when empty.
            shared: LFS files lie in the store that all repositories share, as those do that came by Xet.
        """
        repo = self.repo(repo_id)
        snapshot = repo / "snapshots" / commit
        for name, data in files.items():
            self._link(snapshot / name, self._blob(repo, name, data, shared=shared))
        if ref:
            put(repo / "refs", {ref: commit.encode()})
        return snapshot

    def repo(self, repo_id: str) -> Path:
        """The folder of a repository."""
        return self.root / f"models--{repo_id.replace('/', '--')}"

    def blob(self, repo_id: str, data: bytes) -> Path:
        """Where the repository keeps an LFS file of that content."""
        return self.repo(repo_id) / "blobs" / hashlib.sha256(data).hexdigest()

    def _blob(self, repo: Path, name: str, data: bytes, *, shared: bool) -> Path:
        is_lfs = name.endswith(LFS)
        blob = repo / "blobs" / (hashlib.sha256(data).hexdigest() if is_lfs else git_sha1(data))
        if not blob.exists() and shared and is_lfs:
            xet_hash = hashlib.sha256(b"xet" + data).hexdigest()
            put(self.root / "blobs" / xet_hash[:2], {xet_hash: data, f"{xet_hash}.refs": b"1\n"})
            self._link(blob, self.root / "blobs" / xet_hash[:2] / xet_hash)
        elif not blob.exists():
            put(blob.parent, {blob.name: data})
        return blob

    def _link(self, link: Path, target: Path) -> None:
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(target, link.parent))
