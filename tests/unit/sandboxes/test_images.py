"""What an image is named after: everything that it is built from, and nothing else."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from pipeline.records import UserError
from sandboxes import images, languages


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Two language folders, one of which is built from a file of the other's."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\n")
        (tmp_path / name / "language.yaml").write_text("")
    (tmp_path / "b" / "launcher.c").write_text("1")
    return tmp_path


def _reference(folders: Path, *shared: str) -> str:
    language = dataclasses.replace(
        languages.get("python"), name="a", folder=folders / "a", shared=shared
    )
    return images.reference(language)


def test_a_shared_file_is_part_of_the_image(folders: Path) -> None:
    alone, with_it = _reference(folders), _reference(folders, "b/launcher.c")
    (folders / "b" / "launcher.c").write_text("2")
    assert len({alone, with_it, _reference(folders, "b/launcher.c")}) == 3
    assert _reference(folders) == alone


def test_the_yaml_is_not_built_in(folders: Path) -> None:
    before = _reference(folders)
    (folders / "a" / "language.yaml").write_text("stop: []")
    assert _reference(folders) == before


def test_a_shared_file_that_is_not_there_is_named(folders: Path) -> None:
    with pytest.raises(UserError, match=r"a/language\.yaml: shared: cannot read .*b/missing\.c"):
        _reference(folders, "b/missing.c")
