"""Images of the languages: built when their content changes, tested before they are scored with."""

from __future__ import annotations

import io
import json
import os
import re
import sys
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import docker.errors

from pipeline.records import UserError, digest
from sandboxes import base_image, engine, languages
from sandboxes.languages import Language

RUNNER = Path(__file__).parent / "runner"
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
    args |= {name: os.environ[name] for name in _PROXIES if name in os.environ}
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


def _tag(language: Language) -> str:
    """Of everything that an image is built from; the yaml is read by the pool, not by the build."""
    files = {n: data for n, data in _files(language.folder).items() if n != "language.yaml"}
    return digest(_recipe(files), _recipe(_files(RUNNER)), language.debian)[:16]


def reference(language: Language) -> str:
    return f"forkeval/{language.name}:{_tag(language)}"


def _ensure_base(client: Any, release: str) -> str:
    """The base of all languages of a Debian release, with the runner in it."""
    files = _files(RUNNER)
    name = f"forkeval/runner-{release}:{_recipe(files)[:16]}"
    if _exists(client, name):
        return name
    _say(f"making the Debian {release} base")
    debian = base_image.ensure(client, release)
    apt = {f"apt/{path}": text.encode() for path, text in base_image.apt_files(release).items()}
    _say(f"building {name}")
    _build(client, name, files | apt, {"DEBIAN": debian})
    return name


def build(names: Iterable[str] | None = None, docker_host: str | None = None) -> Sequence[Image]:
    """Builds the images of the named languages (all by default); those that exist are kept."""
    client = engine.connect(docker_host, timeout=1800)
    made = []
    for language in _named(names):
        wanted = reference(language)
        if not _exists(client, wanted):
            base = _ensure_base(client, language.debian)
            _say(f"building {wanted}")
            _build(client, wanted, _files(language.folder), {"BASE": base})
        made.append(inspect(client, language))
    return made


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
    recipe = digest(_tag(language), (language.folder / "language.yaml").read_bytes())
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
