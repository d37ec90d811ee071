"""A model folder into memory, as a load plan says."""

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import diffusers
import torch
import transformers
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from torch import Tensor, nn

from wan_desktop.core.errors import IntegrityError
from wan_desktop.core.load_plan import LoadPlan
from wan_desktop.core.model_folder import ModelFolder
from wan_desktop.engine.memory import choose_device, choose_dtype, free_cached_memory
from wan_desktop.engine.quantized import load_transformer_file
from wan_desktop.engine.weights import check_finite, load_diffusers_model

_PROMPTS_KEPT = 16
_DOWNLOAD_AGAIN = "Get the model again, or choose another folder."


@dataclass(slots=True)
class LoadedModel:
    """The components of one model.

    On a graphics card each module lies in normal memory and visits the card while it computes (`on_device`).
    """

    folder: ModelFolder
    plan: LoadPlan
    device: torch.device
    dtype: torch.dtype
    tokenizer: Any
    text_encoder: Any
    transformer: WanTransformer3DModel
    transformer_2: WanTransformer3DModel | None
    vae: AutoencoderKLWan
    image_encoder: Any
    image_processor: Any
    prompts: "OrderedDict[str, Tensor]" = field(default_factory=OrderedDict)
    """Embeddings of the last prompts, on the CPU, so that the next render need not read them again."""

    @contextlib.contextmanager
    def on_device(self, module: nn.Module) -> Iterator[None]:
        """The module on the compute device while the block runs."""
        if self.device.type == "cpu":
            yield
            return
        module.to(self.device)
        try:
            yield
        finally:
            module.to("cpu")
            free_cached_memory(self.device)

    def make_scheduler(self, flow_shift: float | None) -> Any:
        """A fresh scheduler of the folder's kind and settings, with another shift where one is given."""
        # The class is on the list of inspect_model_folder.
        kind = getattr(diffusers, self.folder.scheduler)
        config = kind.load_config(self.folder.path / "scheduler", local_files_only=True)
        if flow_shift is None:
            return kind.from_config(config)
        name = "shift" if kind is diffusers.FlowMatchEulerDiscreteScheduler else "flow_shift"
        return kind.from_config(config, **{name: flow_shift})

    def keep_prompt(self, text: str, embeddings: Tensor) -> None:
        """Remember the embeddings; the oldest go."""
        self.prompts[text] = embeddings
        while len(self.prompts) > _PROMPTS_KEPT:
            self.prompts.popitem(last=False)


def load_model(
    folder: ModelFolder, plan: LoadPlan, *, progress: Callable[[int, int], None], check_cancelled: Callable[[], None]
) -> LoadedModel:
    """Load all components.

    Args:
        folder: As `inspect_model_folder` returned it for the plan's files.
        plan: How.
        progress: Told bytes read and bytes in all.
        check_cancelled: Called between tensors; raises JobCancelled to stop.

    Raises:
        IntegrityError: The files are not what they should be.
        IncompatibleError: The plan cannot be carried out on this machine.
    """
    device = choose_device(plan)
    dtype = choose_dtype(plan, device)
    total_bytes, done_bytes = folder.weights_bytes, 0

    def report(count: int) -> None:
        nonlocal done_bytes
        done_bytes += count
        check_cancelled()
        progress(done_bytes, total_bytes)

    def diffusers_model(name: str, model_class: type[Any], model_dtype: torch.dtype) -> Any:
        files = folder.weight_files[name]
        if plan.transformer_files and model_class is WanTransformer3DModel:
            return load_transformer_file(folder.path, name, files[0], dtype=model_dtype, report=report)
        return load_diffusers_model(model_class, folder.path / name, files, dtype=model_dtype, report=report)

    progress(0, total_bytes)
    text_encoder = _load_transformers_model(folder, "text_encoder", transformers.UMT5EncoderModel, dtype, report)
    image_encoder = image_processor = None
    if folder.has_image_encoder:
        # Float32, as diffusers' documentation asks for: half precision shows in the picture.
        image_encoder = _load_transformers_model(
            folder, "image_encoder", transformers.CLIPVisionModel, torch.float32, report
        )
        image_processor = transformers.CLIPImageProcessor.from_pretrained(
            folder.path / "image_processor", local_files_only=True
        )
    return LoadedModel(
        folder=folder,
        plan=plan,
        device=device,
        dtype=dtype,
        tokenizer=transformers.T5TokenizerFast.from_pretrained(folder.path / "tokenizer", local_files_only=True),
        text_encoder=text_encoder,
        transformer=diffusers_model("transformer", WanTransformer3DModel, dtype),
        transformer_2=diffusers_model("transformer_2", WanTransformer3DModel, dtype)
        if folder.has_two_experts
        else None,
        vae=diffusers_model("vae", AutoencoderKLWan, torch.float32),
        image_encoder=image_encoder,
        image_processor=image_processor,
    )


def _load_transformers_model(
    folder: ModelFolder, name: str, model_class: type[Any], dtype: torch.dtype, report: Callable[[int], None]
) -> Any:
    """A text or image encoder by its own library, which renames old tensors; what it only warns about is an error."""
    path = folder.path / name
    model, info = model_class.from_pretrained(
        path,
        dtype=dtype,
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
        output_loading_info=True,
    )
    for kind in ("missing_keys", "mismatched_keys", "unexpected_keys"):
        if info[kind]:
            key = sorted(str(key) for key in info[kind])[0]
            raise IntegrityError(
                f"{name}: {len(info[kind])} {kind.replace('_', ' ')}, {key} among them.", hint=_DOWNLOAD_AGAIN
            )
    check_finite(model, path)
    report(sum(file.stat().st_size for file in folder.weight_files[name]))
    model.requires_grad_(False)
    return model.eval()
