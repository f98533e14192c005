"""The weights and the tokenizer in the repository."""

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from benchmarks_data.tiny_model.train import interpreter, model, sampling, tokenization

DIRECTORY = Path(__file__).parents[3] / "benchmarks_data" / "tiny_model"
TOKENIZER = tokenization.load_tokenizer(DIRECTORY / "tokenizer.json")
PROMPT = (
    'def problem():\n    """\n    a train {} m long is running at 54 km / hr . in what time '
    'will it cross a pole ? n0 = {:.1f} n1 = 54.0\n    """\n'
)


def test_the_directory_stays_under_eight_megabytes() -> None:
    files = [p for p in DIRECTORY.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    assert sum(p.stat().st_size for p in files) <= 8_000_000


def test_shapes_are_those_of_the_config() -> None:
    config = json.loads((DIRECTORY / "config.json").read_text())
    hidden, width = config["hidden_size"], config["head_dim"]
    with safe_open(DIRECTORY / "model.safetensors", "pt") as weights:
        shapes = {name: tuple(weights.get_slice(name).get_shape()) for name in weights.keys()}  # noqa: SIM118
        assert weights.get_tensor("model.norm.weight").dtype == torch.bfloat16
    assert shapes["model.embed_tokens.weight"] == (config["vocab_size"], hidden)
    assert config["vocab_size"] == TOKENIZER.get_vocab_size()
    for i in range(config["num_hidden_layers"]):
        layer = f"model.layers.{i}."
        assert shapes[layer + "self_attn.q_proj.weight"] == (hidden, hidden)
        kv = (config["num_key_value_heads"] * width, hidden)
        assert shapes[layer + "self_attn.k_proj.weight"] == kv
        assert shapes[layer + "mlp.down_proj.weight"] == (hidden, config["intermediate_size"])
    assert "lm_head.weight" not in shapes  # tied
    assert len(shapes) == 9 * config["num_hidden_layers"] + 2


def test_transformers_computes_the_same_logits() -> None:
    transformers = pytest.importorskip("transformers")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(DIRECTORY, dtype=torch.float32)
    ours = model.load(DIRECTORY).float()
    ids = torch.tensor([TOKENIZER.encode(PROMPT.format(120, 120)).ids])
    with torch.inference_mode():
        wanted = theirs(ids).logits
        error = (ours.logits(ours(ids)) - wanted).abs().max()
    assert error < 1e-4 * (wanted.max() - wanted.min())


def test_the_sampler_follows_the_whole_forward_pass() -> None:
    """Greedy tokens through the cache equal those of running every prefix whole."""
    net = model.load(DIRECTORY).float()
    prompts = [TOKENIZER.encode(PROMPT.format(n, n)).ids for n in (120, 95)]
    cached = sampling.sample(
        net, prompts, 2, temperature=1e-6, top_p=1.0, max_new_tokens=90, seed=0
    )
    for prompt, texts in zip(prompts, cached, strict=True):
        ids = list(prompt)
        with torch.inference_mode():
            while len(ids) < len(prompt) + 90:
                new = int(net.logits(net(torch.tensor([ids]))[:, -1]).argmax())
                if new == tokenization.EOS_ID:
                    break
                ids.append(new)
        assert texts[0] == texts[1] == ids[len(prompt) :]


def test_it_solves_an_easy_problem() -> None:
    net = model.load(DIRECTORY).float()
    prompt = TOKENIZER.encode(PROMPT.format(120, 120)).ids
    [[ids]] = sampling.sample(
        net, [prompt], 1, temperature=1e-6, top_p=1.0, max_new_tokens=120, seed=0
    )
    value = interpreter.run(TOKENIZER.decode(ids), "python")
    assert value == pytest.approx(120 / 15, rel=1e-3)  # 0.2778 for 1 / 3.6 is how exercises go


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_any_text_comes_back(text: str) -> None:
    assert TOKENIZER.decode(TOKENIZER.encode(text, add_special_tokens=False).ids) == text


def test_one_bos_and_numbers_in_digits() -> None:
    encoding = TOKENIZER.encode("n0 = 1234.0")
    assert encoding.ids.count(tokenization.BOS_ID) == 1 == encoding.ids[:1].count(0)
    assert [t for t in encoding.tokens if t.isdigit()] == ["1", "2", "3", "4"]
    assert TOKENIZER.token_to_id(tokenization.EOS) == tokenization.EOS_ID
    config = json.loads((DIRECTORY / "config.json").read_text())
    assert (config["bos_token_id"], config["eos_token_id"]) == (0, tokenization.EOS_ID)


def test_what_made_the_weights_is_beside_them() -> None:
    record = json.loads((DIRECTORY / "training.json").read_text())
    statistics = json.loads((DIRECTORY / "data_statistics.json").read_text())
    assert record["training"]["seed"] == 0
    assert record["steps"] == record["training"]["steps"]
    assert len(statistics["drawn"]) >= 150
    assert sum(statistics["dropped"].values()) > 0
    assert (DIRECTORY / "loss.svg").read_text().startswith("<svg")
    assert len((DIRECTORY / "training_log.csv").read_text().splitlines()) > 100
