"""What a sound configuration means."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import RunConfig, SamplingConfig
from pipeline.config_text import dump, schema
from pipeline.yaml_config import load, names, override
from pipeline.yaml_tree import Source, parse


def written(tmp_path: Path, text: str, *overrides: str) -> RunConfig:
    file = tmp_path / "my.yaml"
    file.write_text(text)
    return load(str(file), overrides)


def test_the_named_configurations_load_without_warnings() -> None:
    assert names() == ["humaneval", "mathqa_x", "mbxp", "quickstart", "rankers"]
    for name in names():
        warnings: list[str] = []
        config = load(name, warn=warnings.append)
        assert warnings == []
        assert config.name == name
        assert load(name) == config


def test_the_commands_in_the_named_configurations_are_sound() -> None:
    """Their comments show `--set` arguments: each must load."""
    greedy = ("sampling.temperature=0", "sampling.n=1", "sampling.top_p=", "report.k=[1]")
    assert load("humaneval", greedy).sampling.top_p is None
    recorded = ("backend.name=recorded", "backend.completions=[samples.jsonl]", "sampling.n=1",
                "report.k=[1]")  # fmt: skip
    config = load("mbxp", recorded)
    assert config.rerank.rankers == ("random",)
    assert config.backend.completions == (Path.cwd() / "samples.jsonl",)
    assert load("mathqa_x", ["benchmarks.0.limit=100"]).benchmarks[0].limit == 100


def test_scalars_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    config = written(
        tmp_path,
        "sampling: {temperature: 1e-1, top_p: .5, n: 010, seed: 0x10}\nmodel: {revision: ~}\n"
        "benchmarks: [{name: mini, task_ids: [no, 2020-01-01, '12']}]\n",
    )
    assert config.sampling == SamplingConfig(temperature=0.1, top_p=0.5, n=10, seed=16)
    assert config.model.revision is None
    assert config.benchmarks[0].task_ids == ("no", "2020-01-01", "12")


def test_anchors_and_merges(tmp_path: Path) -> None:
    config = written(
        tmp_path,
        "benchmarks:\n"
        "  - &all {name: humaneval, languages: &three [python, java, javascript], limit: 3}\n"
        "  - {<<: *all, name: mbxp, limit: 4}\n"
        "  - {name: mathqa_x, languages: *three}\n",
    )
    assert [b.limit for b in config.benchmarks] == [3, 4, None]
    assert {b.languages for b in config.benchmarks} == {("python", "java", "javascript")}


def test_arguments(tmp_path: Path) -> None:
    config = written(
        tmp_path,
        "name: x\nsampling: {n: 4, seed: 1}\n",
        "sampling.n=200",
        "benchmarks.0.limit=5",  # an item of a list that the file leaves to its default
        "benchmarks.1={name: mathqa_x, limit: 2}",
        "benchmarks.1.limit=7",
        "sampling.stop.python=['a=b', \"\\n\"]",
        "report.k=[1, 5]",
        "model.revision=",
        "model={dtype: bfloat16}",
    )
    assert config.sampling == SamplingConfig(n=200, seed=1, stop={"python": ("a=b", "\n")})
    assert [(b.name, b.limit) for b in config.benchmarks] == [("mini", 5), ("mathqa_x", 7)]
    assert config.report.k == (1, 5)
    assert config.model.dtype == "bfloat16"


def test_paths_are_relative_to_where_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    (there / "checkpoint").mkdir(parents=True)
    here.mkdir()
    monkeypatch.chdir(here)
    text = (
        "directory: out\nmodel: {path: checkpoint}\n"
        "benchmarks:\n"
        "  - {name: jsonl, path: a.jsonl, header: /abs/h}\n"
        "  - {name: mbxp, header: published}\n"
        "backend: {name: recorded, completions: [one.jsonl, ../two.jsonl]}\n"
    )
    (there / "my.yaml").write_text(text)
    config = load("../there/my.yaml", ["benchmarks.1.path=data"])
    assert config.directory == there / "out"
    assert config.model.path == str(there / "checkpoint")
    assert config.benchmarks[0].path == there / "a.jsonl"
    assert config.benchmarks[0].header == Path("/abs/h")
    assert config.benchmarks[1].header == "published"
    assert config.benchmarks[1].path == here / "data"
    assert [p.name for p in config.backend.completions] == ["one.jsonl", "two.jsonl"]
    assert config.backend.completions[1].resolve() == tmp_path / "two.jsonl"
    (there / "my.yaml").write_text("model: {path: org/model}\n")
    config = load("../there/my.yaml")
    assert config.model.path == "org/model", "a hub id stays one"
    assert config.directory == Path("runs")
    assert load("../there/my.yaml", ["model.path=./x"]).model.path == str(here / "x")


def test_what_is_hardly_meant_is_a_warning(tmp_path: Path) -> None:
    warnings: list[str] = []
    (tmp_path / "my.yaml").write_text("sampling: {n: 5}\nreport: {k: [10, 100]}\n")
    load(str(tmp_path / "my.yaml"), warn=warnings.append)
    assert warnings == [
        f"{tmp_path}/my.yaml:2:13: report.k: every k is above sampling.n (5), "
        "so no pass@k can be reported"
    ]
    warnings.clear()
    (tmp_path / "my.yaml").write_text(
        "model: {dtype: float16}\nbackend: {name: recorded, canonical: true}\n"
    )
    load(str(tmp_path / "my.yaml"), warn=warnings.append)
    assert len(warnings) == 1
    assert "model: does nothing: recorded completions use no model" in warnings[0]


def test_warnings_reach_the_log_by_default(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    written(tmp_path, "sampling: {n: 5}\nreport: {k: [10]}\n")
    assert "every k is above" in caplog.text


def test_a_stored_configuration_is_changed_by_arguments() -> None:
    stored = load("quickstart")
    assert override(stored, []) == stored.model_copy(update={"directory": Path.cwd() / "runs"})
    changed = override(stored, ["sampling.n=100", "benchmarks.0.limit=2"])
    assert changed.sampling.n == 100
    assert changed.benchmarks[0].limit == 2
    assert changed.sampling.top_p == stored.sampling.top_p
    recorded = override(
        stored, ["backend={name: recorded, canonical: true}", "rerank.rankers=[random]"]
    )
    warnings: list[str] = []
    assert override(recorded, [], warn=warnings.append) == recorded
    assert warnings == []


def test_dump_describes_and_loads_the_same(tmp_path: Path) -> None:
    config = written(
        tmp_path,
        'name: x\nsampling: {n: 4, stop: {python: ["\\n#", \'a: b\', "\\t"]}, min_p: 1e-5}\n'
        "benchmarks: [{name: jsonl, path: 'a #b.jsonl', task_ids: ['1', 'null']}, {name: mini}]\n",
    )
    text = dump(config)
    assert "# samples a problem" in text
    assert RunConfig.model_validate(yaml.safe_load(text)) == config
    (tmp_path / "again.yaml").write_text(text)
    assert load(str(tmp_path / "again.yaml")).sampling == config.sampling
    for name in names():
        assert RunConfig.model_validate(yaml.safe_load(dump(load(name)))) == load(name)


def test_schema_names_every_key() -> None:
    found = schema()
    assert found["title"] == "forkeval run"
    assert set(found["properties"]) == set(RunConfig.model_fields)
    sampling = found["$defs"]["SamplingConfig"]
    assert sampling["additionalProperties"] is False
    assert sampling["properties"]["n"]["description"] == "samples a problem"
    assert sampling["properties"]["n"]["minimum"] == 1


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abcdefgh-_ .é", min_size=1, max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(PLAIN, st.booleans())
def test_the_parser_reads_what_pyyaml_writes(data: object, flow: bool) -> None:
    text = yaml.safe_dump(data, default_flow_style=flow, allow_unicode=True)
    tree = parse(text, Source("x", Path()))
    assert tree.faults == []
    assert tree.data == yaml.safe_load(text)
