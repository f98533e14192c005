"""Images of the languages: built when their content changes, tested before they are scored with."""

from __future__ import annotations

import io
import json
import os
import re
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import docker.errors

from pipeline.records import UserError, digest
from sandboxes import base_image, engine, languages
from sandboxes.languages import Language

BASE = Path(__file__).parent / "base"
RUNNER = Path(__file__).parent / "runner"
_RUNNER_RELEASE = "bookworm"  # the runner is a static binary: it is built once, for all releases
_AT_ONCE = 2  # builds: one unpacks packages while another one fetches them
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


@dataclass(frozen=True)
class Image:
    """A built image and what is in it."""

    language: str
    reference: str  # repository:tag; the tag is made from the content of what it is built from
    engine_id: str  # the engine's own identifier, of this build on this machine
    digest: str  # of recipe and installed packages: equal on two machines with equal toolchains
    toolchain: str  # e.g. "python 3.11.2"
    built: bool = True


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def _recipe(files: Mapping[str, bytes]) -> str:
    return digest(*(part for name in sorted(files) for part in (name, files[name])))


def _context(files: Mapping[str, bytes]) -> io.BytesIO:
    """A build context with fixed times and owners, so that equal files are equal to the cache."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in sorted(files.items()):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o644
            tar.addfile(info, io.BytesIO(data))
    out.seek(0)
    return out


def _build(client: Any, reference: str, files: Mapping[str, bytes], args: dict[str, str]) -> None:
    """Builds with the host's network. Raises UserError with the step that failed."""
    args = args | {name: os.environ[name] for name in _PROXIES if name in os.environ}
    said = [""]
    with engine.speaking(client, f"building {reference}"):
        for event in client.api.build(
            fileobj=_context(files), custom_context=True, tag=reference, buildargs=args,
            network_mode="host", rm=True, forcerm=True, decode=True,
        ):  # fmt: skip
            said += [line for line in event.get("stream", "").splitlines() if line.strip()]
            if "error" in event:
                tail = " | ".join(said[-3:])
                raise UserError(f"building {reference} failed: {event['error'].strip()} ({tail})")


def _say(text: str) -> None:
    print(f"images: {text}", file=sys.stderr, flush=True)


def _exists(client: Any, reference: str) -> bool:
    with engine.speaking(client, f"looking for {reference}"):
        return bool(client.images.list(name=reference))


def _sources(language: Language) -> dict[str, bytes]:
    """What a toolchain is built from; the yaml is read by the pool, not by the build."""
    files = {n: data for n, data in _files(language.folder).items() if n != "language.yaml"}
    for name in language.shared:
        path = language.folder.parent / name
        try:
            files[path.name] = path.read_bytes()
        except OSError as error:
            raise UserError(
                f"{language.folder / 'language.yaml'}: shared: cannot read {path}: {error.strerror}"
            ) from error
    return files


def _toolchain(language: Language) -> str:
    """Named after all that it is built from."""
    tag = digest(_recipe(_sources(language)), _recipe(_files(BASE)), language.debian)[:16]
    return f"forkeval/{language.name}-toolchain:{tag}"


def _tag(language: Language) -> str:
    return digest(_toolchain(language), _recipe(_files(RUNNER)))[:16]


def reference(language: Language) -> str:
    return f"forkeval/{language.name}:{_tag(language)}"


class _Builder:
    """Builds what is missing, each piece once; for threads that each bring their own client."""

    def __init__(self, docker_host: str | None) -> None:
        self._docker_host = docker_host
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}

    def image(self, language: Language) -> Image:
        client = engine.connect(self._docker_host, timeout=1800)
        wanted = reference(language)
        if not _exists(client, wanted):
            runner = self._runner(client)
            toolchain = self._once(
                client, _toolchain(language), _sources(language),
                lambda: {"BASE": self._base(client, language.debian)},
            )  # fmt: skip
            recipe = {"Dockerfile": (BASE / "sandbox.Dockerfile").read_bytes()}
            self._once(client, wanted, recipe, lambda: {"RUNNER": runner, "TOOLCHAIN": toolchain})
        return inspect(client, language)

    def _once(
        self,
        client: Any,
        name: str,
        files: Mapping[str, bytes],
        args: Callable[[], dict[str, str]],
    ) -> str:
        """Builds an image under `name` unless it is there; `args` are made only when needed."""
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            if not _exists(client, name):
                values = args()
                _say(f"building {name}")
                started = time.monotonic()
                _build(client, name, files, values)
                _say(f"built {name} in {time.monotonic() - started:.0f} s")
        return name

    def _runner(self, client: Any) -> str:
        files = _files(RUNNER)
        return self._once(
            client, f"forkeval/runner:{_recipe(files)[:16]}", files,
            lambda: {"BASE": self._base(client, _RUNNER_RELEASE)},
        )  # fmt: skip

    def _base(self, client: Any, release: str) -> str:
        """Debian with this machine's package sources, for all languages of a release."""
        files = _files(BASE)
        host = {f"etc/{name}": data for name, data in base_image.host_files(release).items()}

        def debian() -> dict[str, str]:
            _say(f"making the Debian {release} base")
            return {"DEBIAN": base_image.ensure(client, release)}

        return self._once(
            client, f"forkeval/base-{release}:{_recipe(files)[:16]}", files | host, debian
        )


def build(names: Iterable[str] | None = None, docker_host: str | None = None) -> Sequence[Image]:
    """Builds the images of the named languages (all by default); those that exist are kept.

    Two at a time. What was built before one failed is kept, too.
    """
    builder = _Builder(docker_host)
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return [*threads.map(builder.image, _named(names))]


def _named(names: Iterable[str] | None) -> Sequence[Language]:
    return [languages.get(name) for name in (names or languages.load())]


def list(docker_host: str | None = None) -> Sequence[Image]:  # noqa: A001  # reads as images.list()
    """Every language's image; `built` is false for those that are not there yet."""
    client = engine.connect(docker_host)
    return [
        inspect(client, language)
        if _exists(client, reference(language))
        else Image(language.name, reference(language), "", "", "", built=False)
        for language in _named(None)
    ]


def cache_folder() -> Path:
    """Where facts about images are kept, for this user."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "forkeval" / "images"


def inspect(client: Any, language: Language) -> Image:
    """What is in a language's image, read once from the image and then from the cache.

    Raises UserError where the image is not built.
    """
    name = reference(language)
    try:
        with engine.speaking(client, f"looking at {name}"):
            image_id: str = client.images.get(name).id
    except UserError as error:
        if isinstance(error.__cause__, docker.errors.ImageNotFound):
            raise UserError(
                f"the sandbox image of {language.name} is not built: run"
                f" `forkeval images build {language.name}`"
            ) from error
        raise
    facts = _facts(client, language, name, image_id)
    recipe = digest(_tag(language), language.execution_digest())
    version = re.search(r"\d[\w.+-]*", facts["version"])
    return Image(
        language.name,
        name,
        image_id,
        "sha256:" + digest(recipe, facts["packages"]),
        f"{language.name} {version[0] if version else facts['version']}",
    )


def _facts(client: Any, language: Language, name: str, image_id: str) -> dict[str, str]:
    path = cache_folder() / f"{image_id.replace(':', '-')}.json"
    try:
        found: dict[str, str] = json.loads(path.read_text())
        return found
    except (OSError, ValueError):
        pass  # not read yet, or half-written by a process that died
    script = '"$@" 2>&1; dpkg-query -W'
    with engine.speaking(client, f"reading the versions in {name}"):
        said = client.containers.run(
            name, ["-c", script, "sh", *language.version], entrypoint="/bin/sh", remove=True,
            network_mode="none", labels=engine.owner(),
        ).decode()  # fmt: skip
    version, _, packages = said.partition("\n")
    facts = {"version": version, "packages": packages}
    write_cache(path, facts)
    return facts


def write_cache(path: Path, facts: Mapping[str, Any]) -> None:
    """Writes whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps(facts, indent=1))
    part.replace(path)


def describe(image: Image) -> dict[str, Any]:
    return asdict(image)


def test(
    names: Iterable[str] | None = None,  # noqa: PT028  # not a test function: images.test()
    docker_host: str | None = None,  # noqa: PT028
) -> Sequence[Any]:
    """Runs the self-test programs of each image through a pool; see `self_test.check`."""
    from sandboxes import self_test  # the pool needs this module

    return self_test.check([language.name for language in _named(names)], docker_host)
