"""The Debian base: what is there is used, then a registry, then debootstrap; else one line."""

from __future__ import annotations

from typing import Any

import docker.errors
import pytest
import requests.exceptions

from pipeline.records import UserError
from sandboxes import base_image


class Images:
    """The engine's images; `registry` says whether a pull is answered."""

    def __init__(self, names: set[str], registry: bool) -> None:
        self.names = names
        self.registry = registry
        self.pulled: list[str] = []

    def list(self, name: str) -> list[str]:
        return [name] if name in self.names else []

    def pull(self, repository: str, tag: str) -> Images:
        self.pulled.append(f"{repository}:{tag}")
        if not self.registry:
            raise docker.errors.APIError("no such host")
        return self

    def tag(self, repository: str, tag: str) -> None:
        self.names.add(f"{repository}:{tag}")


class Client:
    def __init__(self, *names: str, registry: bool = True, alive: bool = True) -> None:
        self.images = Images(set(names), registry)
        self.api: Any = type("Api", (), {"timeout": 1800})()
        self.alive = alive

    def ping(self) -> bool:
        if not self.alive:
            raise requests.exceptions.ConnectionError
        return True


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Releases that debootstrap was asked for."""
    asked: list[str] = []
    monkeypatch.setattr(base_image, "_debootstrap", lambda client, release: asked.append(release))
    return asked


def test_a_base_that_is_there_is_used(made: list[str]) -> None:
    client = Client("forkeval/debian:bookworm")
    assert base_image.ensure(client, "bookworm") == "forkeval/debian:bookworm"
    assert client.images.pulled == made == []


def test_a_registry_that_answers_is_used(made: list[str]) -> None:
    client = Client()
    assert base_image.ensure(client, "bookworm") == "forkeval/debian:bookworm"
    assert client.images.pulled == ["debian:bookworm-slim"]
    assert client.images.names == {"forkeval/debian:bookworm"}
    assert made == []
    assert client.api.timeout == 1800, "the short limit is for the pull alone"


def test_without_a_registry_the_base_is_made(made: list[str]) -> None:
    client = Client(registry=False)
    base_image.ensure(client, "bookworm")
    assert made == ["bookworm"]
    assert client.api.timeout == 1800


def test_an_engine_that_goes_away_is_not_a_registry_that_does_not_answer(made: list[str]) -> None:
    with pytest.raises(UserError, match="Docker stopped answering"):
        base_image.ensure(Client(registry=False, alive=False), "bookworm")
    assert made == []


def test_neither_registry_nor_debootstrap_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_image.shutil, "which", lambda name: None)
    with pytest.raises(UserError, match=r"no base image for Debian bookworm: make a container"):
        base_image.ensure(Client(registry=False), "bookworm")
