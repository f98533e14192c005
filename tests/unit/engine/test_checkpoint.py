"""A checkpoint that cannot be used is refused before anything runs, with every fault named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.engine.checkpoint import open_checkpoint
from pipeline.records import UserError
from tests.unit.engine.conftest import Checkpoints

Weights = dict[str, torch.Tensor]


@pytest.fixture
def broken(tmp_path: Path, checkpoint: Checkpoints) -> Callable[..., Path]:
    """A copy of the llama checkpoint with changed weights or config."""

    def make(change: Callable[[Weights], None] | None = None, **config: Any) -> Path:
        source, _ = checkpoint("llama")
        shutil.copytree(source, tmp_path / "model")
        folder = tmp_path / "model"
        if change is not None:
            weights = load_file(folder / "model.safetensors")
            change(weights)
            save_file(weights, folder / "model.safetensors")
        values = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(values | config))
        return folder

    return make


def test_lacking_misshapen_and_foreign_tensors_are_all_named(broken: Callable[..., Path]) -> None:
    def change(weights: Weights) -> None:
        del weights["model.layers.1.mlp.down_proj.weight"]
        weights["model.norm.weight"] = torch.zeros(63)
        weights["model.layers.0.self_attn.q_proj.bias"] = torch.zeros(64)
        weights["lm_head.weight"] = weights["lm_head.weight"].to(torch.int8)

    with pytest.raises(UserError) as caught:
        open_checkpoint(str(broken(change)))
    message = str(caught.value)
    assert "model.layers.1.mlp.down_proj.weight is missing" in message
    assert "model.norm.weight has shape (63,), expected (64,)" in message
    assert "model.layers.0.self_attn.q_proj.bias has no place" in message
    assert "lm_head.weight has dtype I8" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"model_type": "gpt_neox"}, "'gpt_neox' is not supported; supported are llama, mistral"),
        ({"quantization_config": {"quant_method": "gptq"}}, "quantization_config"),
        ({"rope_parameters": {"rope_type": "longrope", "rope_theta": 1e4}}, "'longrope'"),
        ({"rope_parameters": {"rope_type": "llama3", "rope_theta": 1e4}}, "'factor'"),
        ({"hidden_act": "relu"}, "hidden_act 'relu'"),
        ({"num_key_value_heads": 3}, "does not divide"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor"),
        ({"num_hidden_layers": "two"}, "num_hidden_layers is 'two'"),
    ],
)
def test_unsupported_configs_are_named(
    broken: Callable[..., Path], config: dict[str, Any], named: str
) -> None:
    with pytest.raises(UserError) as caught:
        open_checkpoint(str(broken(**config)))
    assert named in str(caught.value)


def test_several_config_faults_are_told_at_once(broken: Callable[..., Path]) -> None:
    folder = broken(hidden_act="relu", quantization_config={}, num_hidden_layers=0)
    with pytest.raises(UserError) as caught:
        open_checkpoint(str(folder))
    for name in ("hidden_act", "quantization_config", "num_hidden_layers"):
        assert name in str(caught.value)


def test_missing_and_truncated_files_are_named(broken: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no directory"):
        open_checkpoint(str(tmp_path / "nowhere"))
    folder = broken()
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(UserError, match=r"model\.safetensors: not a whole safetensors file"):
        open_checkpoint(str(folder))
    weights.unlink()
    with pytest.raises(UserError, match=r"no model\.safetensors"):
        open_checkpoint(str(folder))
    (folder / "config.json").unlink()
    with pytest.raises(UserError, match=r"config\.json: file not found"):
        open_checkpoint(str(folder))


def test_shards_that_the_index_names_must_exist(broken: Callable[..., Path]) -> None:
    folder = broken()
    index = {"weight_map": {"model.norm.weight": "model-00001-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(UserError, match="model-00001-of-00002"):
        open_checkpoint(str(folder))


def test_an_unreachable_hub_is_one_line_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def unreachable(*args: Any, **kwargs: Any) -> str:
        raise ConnectionError("no route to host\nlong trace")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    with pytest.raises(UserError, match=r"no route to host; set model\.path to a local") as caught:
        open_checkpoint("someone/some-model")
    assert "\n" not in str(caught.value)


def test_end_ids_of_both_configs_count(broken: Callable[..., Path]) -> None:
    folder = broken(eos_token_id=7)
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [9, 8]}))
    assert open_checkpoint(str(folder)).eos == (7, 8, 9)


def test_the_hash_follows_the_weights(broken: Callable[..., Path], checkpoint: Checkpoints) -> None:
    def change(weights: Weights) -> None:
        weights["model.norm.weight"][0] += 1

    original = open_checkpoint(str(checkpoint("llama")[0])).weights_hash()
    assert original == open_checkpoint(str(checkpoint("llama")[0])).weights_hash()
    assert original != open_checkpoint(str(broken(change))).weights_hash()
