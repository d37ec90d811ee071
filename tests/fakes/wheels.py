"""Small wheels that are real: built as the format says, installed by any installer."""

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class BuiltWheel:
    """A wheel and what a lock says of it."""

    name: str
    version: str
    filename: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def line(self) -> str:
        """As in a lock."""
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}"


def build_wheel(
    folder: Path, name: str, version: str, files: Mapping[str, bytes], *, tag: str = "py3-none-any"
) -> BuiltWheel:
    """A wheel with those files, and a list of them as installers write and check it."""
    info = f"{name}-{version}.dist-info"
    everything = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
    }
    record = [f"{path},sha256={_hash(data)},{len(data)}" for path, data in everything.items()] + [f"{info}/RECORD,,"]
    everything[f"{info}/RECORD"] = "\n".join(record).encode()
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, data in everything.items():
            archive.writestr(zipfile.ZipInfo(entry, (2020, 1, 1, 0, 0, 0)), data)
    return BuiltWheel(name, version, path.name, path.read_bytes())


def _hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
