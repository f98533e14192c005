"""A checkpoint in Hugging Face format: found, checked in full, then read tensor by tensor."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from tqdm import tqdm

from pipeline.engine.architecture import Architecture
from pipeline.engine.architectures import ADAPTERS, Adapter, ConfigReader
from pipeline.engine.decoder import Decoder, weight_shapes
from pipeline.records import UserError

FILES = ("*.json", "*.safetensors", "*.model", "*.txt")  # fetched from the hub
# Tensors that older conversions left in files and that carry nothing learned.
_IGNORED = re.compile(r"rotary_emb\.inv_freq$|\.masked_bias$|\.attn\.bias$")
_FLOATS = ("F32", "F16", "BF16")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint whose config and tensor shapes have been checked."""

    path: Path
    adapter: Adapter
    architecture: Architecture
    eos: tuple[int, ...]
    files: Mapping[str, Path]  # Hugging Face tensor name -> the file that holds it

    def weights_hash(self) -> str:
        """SHA-256 over the safetensors files in order of name; cached by size and time."""
        state = hashlib.sha256()
        for file in sorted(set(self.files.values())):
            state.update(_file_hash(file).encode())
        return state.hexdigest()

    def decoder(
        self, dtype: torch.dtype, device: torch.device, positions: int, progress: bool = True
    ) -> Decoder:
        """Reads the weights. positions: how many the rotary tables shall cover."""
        count = len(weight_shapes(self.architecture))
        with tqdm(
            total=count, desc="weights", unit="tensor", disable=None if progress else True,
            leave=False,
        ) as bar:  # fmt: skip

            def read(ours: str) -> Tensor:
                name = self.adapter.name(ours)
                bar.update()
                # Opened for each tensor: the file is mapped, so nothing is read twice.
                with safe_open(self.files[name], framework="pt") as file:
                    tensor: Tensor = file.get_tensor(name)
                return tensor.to(device=device, dtype=dtype).contiguous()

            return Decoder(self.architecture, read, positions)


def open_checkpoint(path: str, revision: str | None = None) -> Checkpoint:
    """Finds and checks a checkpoint. path: `tiny`, a directory, or a hub id.

    Raises UserError that names every fault: unknown family, unsupported features, lacking
    tensors, wrong shapes.
    """
    folder = _folder(path, revision)
    config = _json(folder / "config.json")
    family = config.get("model_type")
    if family not in ADAPTERS:
        raise UserError(
            f"{folder}: model family {family!r} is not supported; "
            f"supported are {', '.join(sorted(ADAPTERS))}"
        )
    adapter = ADAPTERS[family]
    reader = ConfigReader(config)
    reader.refuse("quantization_config")
    architecture = adapter.read(reader)
    if architecture.heads % architecture.kv_heads:
        reader.faults.append("config.json: num_key_value_heads does not divide the heads")
    if architecture.head_dim % 2:
        reader.faults.append("config.json: head_dim must be even for the rotary embedding")
    files = _tensor_files(folder)
    if not reader.faults:  # shapes that follow from a broken config would only mislead
        reader.faults.extend(_tensor_faults(adapter, architecture, files))
    if reader.faults:
        raise UserError(f"{folder}: the checkpoint cannot be used: " + "; ".join(reader.faults))
    return Checkpoint(folder, adapter, architecture, _eos(folder, config), files)


def _folder(path: str, revision: str | None) -> Path:
    if path == "tiny":
        import benchmarks_data

        return Path(next(iter(benchmarks_data.__path__))) / "tiny_model"
    local = Path(path).expanduser()
    if local.is_dir():
        return local
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", path) or path.startswith("."):
        raise UserError(f"model.path: no directory {path!r}, and it is not a hub id (owner/name)")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(path, revision=revision, allow_patterns=list(FILES)))
    except Exception as error:  # the client raises many kinds: network, access, absent, disk
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(
            f"model.path: {path!r} is no directory, and the hub did not give it: {reason}; "
            "set model.path to a local checkpoint directory"
        ) from error


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{path}: file not found; a checkpoint needs it") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: expected a JSON object")
    return value


def _tensor_files(folder: Path) -> dict[str, Path]:
    index = folder / "model.safetensors.index.json"
    if index.exists():
        mapping = _json(index).get("weight_map")
        if not isinstance(mapping, dict):
            raise UserError(f"{index}: has no weight_map")
        files = {str(name): folder / str(file) for name, file in mapping.items()}
        lacking = sorted({file.name for file in files.values() if not file.exists()})
        if lacking:
            raise UserError(f"{folder}: shards named in {index.name} are missing: {lacking}")
        return files
    single = folder / "model.safetensors"
    if not single.exists():
        raise UserError(
            f"{folder}: no model.safetensors and no {index.name}; "
            "convert the weights to safetensors first"
        )
    with _opened(single) as file:
        return dict.fromkeys(file.keys(), single)


def _opened(path: Path) -> Any:
    try:
        return safe_open(path, framework="pt")
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path}: not a whole safetensors file: {error}") from None


def _tensor_faults(
    adapter: Adapter, architecture: Architecture, files: Mapping[str, Path]
) -> list[str]:
    wanted = {adapter.name(ours): shape for ours, shape in weight_shapes(architecture).items()}
    faults = [f"tensor {name} is missing" for name in wanted if name not in files]
    unused = {"lm_head.weight"} if architecture.tied else set()
    faults += [
        f"tensor {name} has no place in a {architecture.family} model of this config"
        for name in files
        if name not in wanted and name not in unused and not _IGNORED.search(name)
    ]
    by_file: dict[Path, list[str]] = {}
    for name in wanted:
        if name in files:
            by_file.setdefault(files[name], []).append(name)
    for path, names in by_file.items():
        faults += _file_faults(path, names, wanted)
    return faults


def _file_faults(
    path: Path, names: Sequence[str], wanted: Mapping[str, tuple[int, ...]]
) -> list[str]:
    faults = []
    with _opened(path) as file:
        held = set(file.keys())
        for name in names:
            if name not in held:
                faults.append(f"tensor {name} is not in {path.name}, where the index places it")
                continue
            part = file.get_slice(name)
            shape, dtype = tuple(part.get_shape()), part.get_dtype()
            if shape != wanted[name]:
                faults.append(f"tensor {name} has shape {shape}, expected {wanted[name]}")
            if dtype not in _FLOATS:
                faults.append(f"tensor {name} has dtype {dtype}, supported are {_FLOATS}")
    return faults


def _eos(folder: Path, config: Mapping[str, Any]) -> tuple[int, ...]:
    """Ids that end a sequence: those of generation_config.json and of config.json together."""
    ids: set[int] = set()
    generation = folder / "generation_config.json"
    for source in (config, _json(generation) if generation.exists() else {}):
        value = source.get("eos_token_id")
        ids.update(value if isinstance(value, list) else [] if value is None else [value])
    return tuple(sorted(ids))


def _file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes; large files are remembered by path, size and time."""
    stat = path.stat()
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "forkeval"
    key = hashlib.sha256(f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}".encode()).hexdigest()
    note = cache / "sha256" / key
    large = stat.st_size > 1 << 28
    if large and note.exists():
        return note.read_text()
    with path.open("rb") as file:
        value = hashlib.file_digest(file, "sha256").hexdigest()
    if large:
        try:
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(value)
        except OSError:
            pass  # the cache only saves time
    return value
