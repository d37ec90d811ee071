"""Makes the smaller variants of a transformer, in the formats in which people pass Wan models around.

    python -m tools.quantize_model resources/models/shapes/transformer --out FOLDER --name shapes

writes `NAME-Q8_0.gguf`, `NAME-Q4_0.gguf` and `NAME-fp8_e4m3fn_scaled.safetensors`, each with the tensor names of Wan's
own code. Quantised are the weights of the linear layers in the blocks. The rest, which is small and sensitive, stays in
16 or 32 bits, as in the files of city96 and Comfy-Org. The same weights always give the same bytes.
"""

import argparse
import sys
from pathlib import Path

import gguf
import numpy as np
import torch
from diffusers import WanTransformer3DModel
from diffusers.quantizers.gguf.utils import dequantize_gguf_tensor
from gguf import GGMLQuantizationType, GGUFWriter, LlamaFileType
from safetensors.torch import save_file
from torch import Tensor

from wan_desktop.core.model_folder import weight_files
from wan_desktop.engine.quantized import diffusers_names, load_transformer_file
from wan_desktop.engine.weights import load_diffusers_model

GGUF_KINDS = {"Q8_0": LlamaFileType.MOSTLY_Q8_0, "Q4_0": LlamaFileType.MOSTLY_Q4_0}
_BLOCK = 32
_LARGEST_E4M3 = 448.0
_EMBEDDER = "condition_embedder"
_WHOLE_NAMES = {
    f"{_EMBEDDER}.image_embedder.pos_embed": "img_emb.emb_pos",
    "scale_shift_table": "head.modulation",
    "proj_out.weight": "head.head.weight",
    "proj_out.bias": "head.head.bias",
}
_PARTS = {
    f"{_EMBEDDER}.time_embedder.linear_1.": "time_embedding.0.",
    f"{_EMBEDDER}.time_embedder.linear_2.": "time_embedding.2.",
    f"{_EMBEDDER}.text_embedder.linear_1.": "text_embedding.0.",
    f"{_EMBEDDER}.text_embedder.linear_2.": "text_embedding.2.",
    f"{_EMBEDDER}.time_proj.": "time_projection.1.",
    f"{_EMBEDDER}.image_embedder.norm1.": "img_emb.proj.0.",
    f"{_EMBEDDER}.image_embedder.ff.net.0.proj.": "img_emb.proj.1.",
    f"{_EMBEDDER}.image_embedder.ff.net.2.": "img_emb.proj.3.",
    f"{_EMBEDDER}.image_embedder.norm2.": "img_emb.proj.4.",
    ".attn1.": ".self_attn.",
    ".attn2.": ".cross_attn.",
    ".to_q.": ".q.",
    ".to_k.": ".k.",
    ".to_v.": ".v.",
    ".to_out.0.": ".o.",
    ".add_k_proj.": ".k_img.",
    ".add_v_proj.": ".v_img.",
    ".norm_added_k.": ".norm_k_img.",
    ".ffn.net.0.proj.": ".ffn.0.",
    ".ffn.net.2.": ".ffn.2.",
    ".scale_shift_table": ".modulation",
    ".norm2.": ".norm3.",  # the one before the cross-attention, the only one with weights
}


def original_name(name: str) -> str:
    """What Wan's own code calls the tensor."""
    if name in _WHOLE_NAMES:
        return _WHOLE_NAMES[name]
    for part, original in _PARTS.items():
        name = name.replace(part, original)
    return name


def read_transformer(folder: Path) -> dict[str, Tensor]:
    """The weights of a transformer in diffusers' layout, by their original names, float32.

    Raises:
        WanError: The folder is damaged.
        ValueError: A name would not come back as it was.
    """
    files = weight_files(folder, "diffusion_pytorch_model")
    model = load_diffusers_model(WanTransformer3DModel, folder, files, dtype=torch.float32, report=lambda _: None)
    tensors = {original_name(name): parameter.data for name, parameter in model.named_parameters()}
    back = set(diffusers_names(tensors).values())
    wrong = [name for name, _ in model.named_parameters() if name not in back]
    if wrong:
        raise ValueError(f"no original name is known for {wrong[0]}")
    return tensors


def write_gguf(tensors: dict[str, Tensor], file: Path, kind: str) -> None:
    """Write the tensors as GGUF in that number format."""
    writer = GGUFWriter(file, "wan")
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_file_type(GGUF_KINDS[kind])
    for name, tensor in tensors.items():
        number = GGMLQuantizationType[_gguf_kind(name, tensor, kind)]
        writer.add_tensor(name, gguf.quants.quantize(tensor.numpy(), number), raw_dtype=number)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _gguf_kind(name: str, tensor: Tensor, kind: str) -> str:
    if _is_quantised(name, tensor):
        return kind
    return "F16" if tensor.ndim == 2 else "F32"


def _is_quantised(name: str, tensor: Tensor) -> bool:
    return name.startswith("blocks.") and tensor.ndim == 2 and tensor.shape[1] % _BLOCK == 0


def write_fp8(tensors: dict[str, Tensor], file: Path) -> None:
    """Write the tensors as safetensors in 8 bits, each weight with a scale that uses the whole range."""
    out: dict[str, Tensor] = {"scaled_fp8": torch.zeros(2, dtype=torch.float8_e4m3fn)}
    for name, tensor in tensors.items():
        if not _is_quantised(name, tensor):
            out[name] = tensor.half()
            continue
        largest = tensor.abs().max()
        scale = torch.where(largest > 0, largest / _LARGEST_E4M3, torch.ones(()))
        out[name] = (tensor / scale).clamp(-_LARGEST_E4M3, _LARGEST_E4M3).to(torch.float8_e4m3fn)
        out[f"{name.removesuffix('.weight')}.scale_weight"] = scale
    save_file(out, file)


def weight_error(folder: Path, file: Path) -> float:
    """How far the weights that are loaded from the file are from the folder's: root mean square, relative."""
    tensors = {name: tensor.numpy() for name, tensor in read_transformer(folder).items()}
    model = load_transformer_file(folder.parent, folder.name, file, dtype=torch.float32, report=lambda _: None)
    difference = total = 0.0
    for name, parameter in model.named_parameters():
        weight = tensors[original_name(name)]
        found = dequantize_gguf_tensor(parameter).float().numpy()
        difference += float(np.square(found - weight, dtype=np.float64).sum())
        total += float(np.square(weight, dtype=np.float64).sum())
    return float(np.sqrt(difference / total))


def quantize_model(folder: Path, out: Path, name: str) -> list[Path]:
    """Write all variants of the transformer in that folder; returns their files."""
    tensors = read_transformer(folder)
    out.mkdir(parents=True, exist_ok=True)
    files = []
    for kind in GGUF_KINDS:
        files.append(out / f"{name}-{kind}.gguf")
        write_gguf(tensors, files[-1], kind)
    files.append(out / f"{name}-fp8_e4m3fn_scaled.safetensors")
    write_fp8(tensors, files[-1])
    return files


def main(argv: list[str]) -> None:
    """Write the variants, load each again as the engine does, and say how far its weights are off."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.quantize_model",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="a transformer in diffusers' layout")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--name", required=True)
    args = parser.parse_args(argv)
    for file in quantize_model(args.folder, args.out, args.name):
        size = file.stat().st_size / 1e6
        print(f"{file}: {size:.2f} MB, weights off by {100 * weight_error(args.folder, file):.2f} %")


if __name__ == "__main__":
    main(sys.argv[1:])
