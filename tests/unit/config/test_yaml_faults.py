"""Every mistake of a configuration is named at once, with its place and the fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.records import UserError
from pipeline.yaml_config import ConfigError, load
from sandboxes import languages


def faults(tmp_path: Path, text: str, *overrides: str) -> list[str]:
    """The lines of the error that `text` gives, without the file's directory."""
    file = tmp_path / "my.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(str(file), overrides)
    assert len(caught.value.faults) == len(str(caught.value).splitlines())
    return [line.replace(f"{tmp_path}/", "") for line in str(caught.value).splitlines()]


def test_five_mistakes_are_five_lines(tmp_path: Path) -> None:
    """An unknown key, a wrong type, a word out of a list, a bound, and a contradiction."""
    text = """\
benchmarks:
  - name: humaneval
    languages: [python, cpp]
model:
  dtype: bfloat
sampling:
  temprature: 0.2
  n: many
execute:
  retry_timeouts: 9
"""
    assert faults(tmp_path, text) == [
        "my.yaml:3:16: benchmarks.0.languages: humaneval has no cpp: it offers python, csharp, "
        "go, java, javascript, kotlin, perl, php, ruby, scala, swift, typescript",
        "my.yaml:5:10: model.dtype: must be one of float32, bfloat16, float16, not 'bfloat'; "
        "did you mean bfloat16?",
        "my.yaml:7:3: sampling.temprature: unknown key; did you mean temperature?",
        "my.yaml:8:6: sampling.n: must be a whole number, not 'many'",
        "my.yaml:10:19: execute.retry_timeouts: must be at most 5, not 9",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sampling: {tpo_p: 1}", "1:12: sampling.tpo_p: unknown key; did you mean top_p?"),
        ("temperature: 1", "1:1: temperature: unknown key; did you mean sampling.temperature?"),
        ("cpu_second: 1", "1:1: cpu_second: unknown key; "
         "did you mean execute.limits.cpu_seconds?"),
        ("limit: 1", "1:1: limit: unknown key; did you mean benchmarks.0.limit?"),
        ("zzz: 1", "1:1: zzz: unknown key; valid here are name, directory, benchmarks, backend, "
         "model, engine, sampling, execute, rerank, report, store"),
        ("sampling: {n: 2.5}", "1:15: sampling.n: must be a whole number, not 2.5"),
        ("sampling: {n: true}", "1:15: sampling.n: must be a whole number, not true"),
        ("sampling: {n: '5'}", "1:15: sampling.n: must be a whole number, not '5'"),
        ("sampling: {n: 0}", "1:15: sampling.n: must be at least 1, not 0"),
        ("sampling: {n:}", "1:14: sampling.n: must be a whole number, not empty"),
        ("sampling: {temperature: hot}",
         "1:25: sampling.temperature: must be a number, not 'hot'"),
        ("sampling: {top_p: 0}", "1:19: sampling.top_p: must be more than 0, not 0"),
        ("sampling: {min_p: 1}", "1:19: sampling.min_p: must be less than 1, not 1"),
        ("sampling: 5", "1:11: sampling: must be a mapping of keys, not 5"),
        ("engine: {deterministic: yes}",
         "1:25: engine.deterministic: must be true or false, not 'yes'"),
        ("model: {path: 13}", "1:15: model.path: must be text, not 13: put it in quotes"),
        ("report: {k: 5}", "1:13: report.k: must be a list, not 5"),
        ("report: {k: [1, 0]}", "1:17: report.k.1: must be at least 1, not 0"),
        ("report: {k: []}", "1:13: report.k: name at least one k, such as [1, 10]"),
        ("report: {k: [1, 2, 1]}", "1:13: report.k: 1 is there twice: remove one"),
        ("benchmarks: [{limit: 3}]", "1:14: benchmarks.0.name: missing: "
         "which benchmark; `jsonl` is any file with the same fields"),
        ("benchmarks: []", "1:13: benchmarks: name at least one benchmark"),
        ("benchmarks: [mini]", "1:14: benchmarks.0: must be a mapping of keys, not 'mini'"),
        ("benchmarks: [{name: min}]", "1:21: benchmarks.0.name: must be one of mini, humaneval, "
         "mathqa_x, mbxp, jsonl, not 'min'; did you mean mini?"),
        ("benchmarks: [{name: mini, path: x}]",
         "1:33: benchmarks.0.path: mini is bundled: remove path"),
        ("benchmarks: [{name: jsonl}]", "1:21: benchmarks.0.path: jsonl needs a file: set path"),
        ("benchmarks: [{name: mini}, {name: mini}]",
         "1:35: benchmarks.1.name: mini is there already: join them"),
        ("benchmarks: [{name: mini, header: published}]", "1:35: benchmarks.0.header: "
         "mini was published without few-shot prompts: name a file instead"),
        ("benchmarks: [{name: mini, test_kind: calls}]", "1:38: benchmarks.0.test_kind: "
         "mini states its own test kind: remove test_kind"),
        ("benchmarks: [{name: mbxp, hub: true, path: x}]", "1:32: benchmarks.0.hub: "
         "data come from the hub or from path, not both: remove one"),
        ("benchmarks: [{name: mini, hub: true}]",
         "1:32: benchmarks.0.hub: mini is not on the hub: set hub to false"),
        ("benchmarks: [{name: mathqa_x, languages: [go]}]", "1:42: benchmarks.0.languages: "
         "mathqa_x has no go: it offers python, java, javascript"),
        ("benchmarks: [{name: mbxp, languages: [java, java]}]",
         "1:38: benchmarks.0.languages: java is there twice: remove one"),
        ("sampling: {temperature: 0, n: 1, top_p: 0.5}", "1:41: sampling.top_p: "
         "temperature 0 is greedy, so top_p would do nothing: remove it"),
        ("sampling: {temperature: 0}", "1:25: sampling.n: "
         "temperature 0 gives the same text every time: set n to 1"),
        (r"sampling: {stop: {python: ['\n#']}}", r"1:27: sampling.stop.python: "
         r"'\n#' holds a backslash and a letter, not a line break or tab: "
         r'write "\n#" in double quotes'),
        ("sampling: {stop: {java: ['']}}", "1:25: sampling.stop.java: "
         "an empty stop string would end every sample: remove"),
        ("sampling: {stop: {pyhton: []}}", "1:19: sampling.stop.pyhton: must be one of cpp, "
         "csharp, go, java, javascript, kotlin, perl, php, python, ruby, scala, swift, typescript, "
         "not 'pyhton'; did you mean python?"),
        ("backend: {name: recorded}", "1:17: backend.name: "
         "recorded needs `completions`, or `canonical: true`, and not both"),
        ("backend: {canonical: true}",
         "1:22: backend.canonical: canonical goes with `name: recorded`"),
        ("backend: {name: recorded, canonical: true}\nrerank: {rankers: [random, codet]}",
         "2:19: rerank.rankers: recorded completions come without a model to ask: remove codet"),
        ("rerank: {rankers: [random, code_t]}", "1:28: rerank.rankers.1: no ranker 'code_t': "
         "there are coder_reviewer, codet, mbr_exec, mean_logprob, public_examples, random, "
         "self_consistency, sum_logprob, lexicographic(A, B) and weighted(0.5 * A, 0.5 * B); "
         "did you mean codet?"),
        ("rerank: {rankers: ['lexicographic(random)']}", "1:20: rerank.rankers.0: "
         "lexicographic combines two rankers or more: lexicographic(A, B)"),
        ("backend: {name: recorded, canonical: true}\nrerank: {rankers: [sum_logprob]}",
         "2:19: rerank.rankers: recorded completions have no log-probabilities: "
         "remove sum_logprob"),
        ("backend: {name: recorded, canonical: true}\n"
         "benchmarks: [{name: mathqa_x, languages: [python, java]}]",
         "2:42: benchmarks.0.languages: mathqa_x has canonical solutions in python only: "
         "remove java"),
        ("execute: {limits: {wall_seconds: 2}}", "1:34: execute.limits.wall_seconds: "
         "must be at least cpu_seconds (10), with room for waiting"),
        ("execute: {limits: {output_limit_kib: 2}}", "1:38: execute.limits.output_limit_kib: "
         "must be at least output_kib (64), which is kept of it"),
        ("name: a b", "1:7: name: 'a b' has other characters than ^[A-Za-z0-9._-]+$"),
    ],
)  # fmt: skip
def test_one_mistake_is_one_line(tmp_path: Path, text: str, expected: str) -> None:
    assert faults(tmp_path, text) == [f"my.yaml:{expected}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1: the file is empty: name a benchmark"),
        ("# only this\n", "1:1: the file is empty: name a benchmark"),
        ("- name: mini\n", "1:1: must be a mapping of keys such as `sampling:` to values"),
        ("mini", "1:1: must be a mapping of keys such as `sampling:` to values"),
        ("sampling:\n\tn: 5\n", "2:1: a tab: YAML is indented with spaces"),
        ("sampling: {n: 5\nreport: 1\n", "2:7: while parsing a flow mapping, "
         "expected ',' or '}', but got ':'"),
        ("a: 1\n---\nb: 1\n", "2:1: expected a single document in the stream, "
         "but found another document"),
        ("sampling: {n: 5}\nmodel: {}\nsampling: {seed: 1}",
         "3:1: sampling: is there already, in line 1: remove one"),
        ("sampling:\n  n: 5\n  n: 6\n", "3:3: sampling.n: is there already, in line 2: remove one"),
        ("sampling: *gone", "1:11: found undefined alias 'gone'"),
        ("sampling: &a {stop: *a}", "1:11: sampling.stop: "
         "an alias inside the anchor that it names: remove it"),
        ("sampling: {<<: 5}", "1:16: sampling: << takes a mapping, or a list of mappings"),
        ("sampling: {n: !!python/name:os.system x}", "1:15: sampling.n: "
         "the tag tag:yaml.org,2002:python/name:os.system means nothing here: remove it"),
        ("sampling: {n: !n 5}", "1:15: sampling.n: the tag !n means nothing here: remove it"),
        ("sampling: {[1]: 5}", "1:12: sampling: a key must be a word"),
    ],
)  # fmt: skip
def test_broken_yaml(tmp_path: Path, text: str, expected: str) -> None:
    assert faults(tmp_path, text) == [f"my.yaml:{expected}"]


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("sampling.tempratur=1", "sampling.tempratur: unknown key; did you mean temperature?"),
        ("n=4", "n: unknown key; did you mean sampling.n?"),
        ("sampling.n=x", "sampling.n: must be a whole number, not 'x'"),
        ("sampling.n.x=1", "sampling.n: must be a whole number, not a mapping"),
        ("sampling", "write it as key=value, for example sampling.n=200"),
        ("=5", "write it as key=value, for example sampling.n=200"),
        ("a..b=5", "write it as key=value, for example sampling.n=200"),
        ("benchmarks.4.limit=1", "benchmarks.4: no such item: the list has 1"),
        ("benchmarks.name=mini", "benchmarks.name: no such item: the list has 1"),
        ("report.k=[1", "the value is not YAML: while parsing a flow sequence, "
         "expected ',' or ']', but got '<stream end>'"),
        ("sampling={n: 0}", "sampling.n: must be at least 1, not 0"),
        ("execute.limits.wall_seconds=1", "execute.limits.wall_seconds: "
         "must be at least cpu_seconds (10), with room for waiting"),
    ],
)  # fmt: skip
def test_a_faulty_argument_is_named(tmp_path: Path, argument: str, expected: str) -> None:
    assert faults(tmp_path, "name: x", argument) == [f"--set {argument}: {expected}"]


def test_file_and_arguments_are_reported_together(tmp_path: Path) -> None:
    found = faults(tmp_path, "sampling:\n  n: x\nname: a b\n", "report.k=[0]", "zzz=1")
    assert [line.split(": ")[:2] for line in found] == [
        ["my.yaml:2:6", "sampling.n"],
        ["my.yaml:3:7", "name"],
        ["--set report.k=[0]", "report.k.0"],
        ["--set zzz=1", "zzz"],
    ]


def test_an_argument_mends_the_file(tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text("sampling: {n: x, seed: 3}")
    assert load(str(tmp_path / "my.yaml"), ["sampling.n=7"]).sampling.n == 7


def test_no_fault_follows_from_another(tmp_path: Path) -> None:
    """`n` is broken, so that greedy decoding needs n = 1 is not said on top of it."""
    assert len(faults(tmp_path, "sampling: {temperature: 0, n: x}")) == 1
    assert len(faults(tmp_path, "benchmarks: [{name: jsonl, pth: a.jsonl}]")) == 1
    assert len(faults(tmp_path, "benchmarks: [{name: mimi, languages: [python]}]")) == 1


def test_a_language_without_a_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("java", "python"):
        (tmp_path / "languages" / name).mkdir(parents=True)
        (tmp_path / "languages" / name / "language.yaml").write_text("")
    monkeypatch.setattr(languages, "FOLDER", tmp_path / "languages")
    assert faults(tmp_path, "benchmarks:\n- {name: mbxp, languages: [java, go]}\n") == [
        "my.yaml:2:27: benchmarks.0.languages: no sandbox runs go: there are those for java, python"
    ]


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"did you mean quickstart\? The named ones are humaneval"):
        load("quikstart")
    with pytest.raises(UserError, match="no such file or named configuration"):
        load(str(tmp_path / "gone.yaml"))
    (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9")
    with pytest.raises(UserError, match="not UTF-8"):
        load(str(tmp_path / "latin.yaml"))
    (tmp_path / "bell.yaml").write_bytes(b"name: \x07")
    with pytest.raises(ConfigError, match=r"bell\.yaml:1:7: '\\x07' is not allowed in YAML"):
        load(str(tmp_path / "bell.yaml"))


def test_a_rule_that_a_language_does_not_have_is_named(tmp_path: Path) -> None:
    assert faults(tmp_path, "execute: {rules: {python: strict}}\n") == [
        "my.yaml:1:27: execute.rules.python: python has no rule 'strict'; it has none: remove this"
    ]
