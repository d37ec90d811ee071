"""Models for proofs: what a repository holds at two commits, and the bytes that an installed one must have."""

import hashlib
import json
import struct
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from tests.fakes.faulty_disk import HastyDisk
from tests.fakes.hub import FakeHub
from tests.fakes.hub.contents import BytesContent
from wan_desktop.core.store.bf16 import convert_file

REPO = "wan/proof"
OLD, NEW = "a" * 40, "b" * 40
PLAIN = "vae/diffusion_pytorch_model.safetensors"
SHRUNK = "transformer/diffusion_pytorch_model.safetensors"
SHARDS = ("text_encoder/model-00001-of-00002.safetensors", "text_encoder/model-00002-of-00002.safetensors")
SMALL = "model_index.json"


def weights(kibibytes: int, seed: int) -> bytes:
    """A safetensors file of float32 numbers."""
    rows = kibibytes - 2  # a row is 1 KiB; the header and the small tensor are about one each
    values = np.random.default_rng(seed).standard_normal(rows * 256, dtype=np.float32)
    tensors = {"blocks.0.attn1.to_q.weight": values.reshape(rows, 256), "blocks.0.norm2.weight": values[:128]}
    header, end = {}, 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": "F32", "shape": tensor.shape, "data_offsets": (end, end + tensor.nbytes)}
        end += tensor.nbytes
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + b"".join(tensor.tobytes() for tensor in tensors.values())


@dataclass(frozen=True)
class Model:
    """What a repository holds at each commit, and what of it must be on disk in the end."""

    commits: Mapping[str, Mapping[str, bytes]]

    @cached_property
    def contents(self) -> dict[str, dict[str, BytesContent]]:
        """For fake Hubs; digests are computed once."""
        return {
            commit: {path: BytesContent(data) for path, data in files.items()} for commit, files in self.commits.items()
        }

    def on_disk(self, commit: str) -> dict[str, str]:
        """The sha256 of every file of the revision, once installed."""
        return self._all_on_disk[commit]

    @cached_property
    def _all_on_disk(self) -> dict[str, dict[str, str]]:
        return {
            commit: {
                path: hashlib.sha256(self._converted(data) if path == SHRUNK else data).hexdigest()
                for path, data in files.items()
            }
            for commit, files in self.commits.items()
        }

    @staticmethod
    def _converted(data: bytes) -> bytes:
        """That this is right is proven where the conversion is tested."""
        with tempfile.TemporaryDirectory() as folder:
            original, converted = Path(folder, "original"), Path(folder, "converted")
            original.write_bytes(data)
            convert_file(HastyDisk(), original, converted, check=lambda _: None)
            return converted.read_bytes()

    def add_to(self, hub: FakeHub) -> None:
        """Let the Hub have the first commit."""
        first, *_ = self.commits
        hub.add_repo(REPO, self.contents[first], revision=first)

    def move(self, hub: FakeHub) -> None:
        """Let the Hub have the last commit."""
        *_, last = self.commits
        hub.move(REPO, self.contents[last], revision=last)


@cache
def large_model() -> Model:
    """Files of several blocks, two shards of one size; the update changes all but the shards."""
    shards = {path: weights(1500, seed) for seed, path in enumerate(SHARDS)}
    return Model(
        {
            OLD: {PLAIN: weights(3500, 11), SHRUNK: weights(4200, 12), SMALL: b'{"_class_name": "Old"}', **shards},
            NEW: {PLAIN: weights(3500, 21), SHRUNK: weights(4200, 22), SMALL: b'{"_class_name": "New"}', **shards},
        }
    )


@cache
def small_model() -> Model:
    """The same in few blocks, for proofs that need many runs."""
    shards = {SHARDS[0]: weights(40, 0)}
    return Model(
        {
            OLD: {PLAIN: weights(1100, 11), SHRUNK: weights(1300, 12), SMALL: b'{"_class_name": "Old"}', **shards},
            NEW: {PLAIN: weights(1100, 21), SHRUNK: weights(1300, 22), SMALL: b'{"_class_name": "New"}', **shards},
        }
    )


def content_id(data: bytes, path: str) -> str:
    """By what the Hub knows it."""
    if path.endswith(".safetensors"):
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
