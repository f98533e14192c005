"""`forkeval doctor`: what this machine has, what is missing, and the fix for each."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.records import UserError

State = Literal["ok", "note", "missing"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One checked thing. ``missing`` means that the main job cannot run; ``note`` that it can."""

    name: str
    state: State
    detail: str
    fix: str = ""


def machine() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    detail = f"{os.cpu_count()} cores, {free:.0f} GiB free here, Python {platform.python_version()}"
    if free < 5:
        return Finding("machine", "note", detail, "free some disk: images take about 2 GiB")
    return Finding("machine", "ok", detail)


def torch_and_gpu() -> Finding:
    import torch

    if torch.cuda.is_available():
        return Finding("torch", "ok", f"{torch.__version__}, {torch.cuda.get_device_name()}")
    detail = f"{torch.__version__}, no NVIDIA GPU: models run on the CPU"
    return Finding("torch", "note", detail, "sample on a GPU machine, then move the run directory")


def kernels_conflict() -> Finding:
    """`kernels` is also the import name of a hub library; both installed shadow each other."""
    try:
        other = importlib.metadata.version("kernels")
    except importlib.metadata.PackageNotFoundError:
        return Finding("kernels", "ok", "no other distribution of that import name")
    return Finding(
        "kernels",
        "missing",
        f"the distribution kernels {other} has the same import name as ours",
        "use an environment of its own for forkeval, or: pip uninstall kernels",
    )


def docker_engine() -> Finding:
    import docker

    try:
        client = docker.from_env(timeout=5)
        version = client.version()
    except Exception as fault:  # the client raises many kinds; all mean that no engine answers
        return Finding(
            "docker",
            "missing",
            f"no engine answers ({type(fault).__name__})",
            "make docker, or start one and set DOCKER_HOST",
        )
    return Finding("docker", "ok", f"engine {version['Version']}, API {version['ApiVersion']}")


def sandbox_images() -> Finding:
    from sandboxes import images

    try:
        found = images.list()
    except UserError as fault:  # without an engine there is nothing to list; `docker` says why
        return Finding("images", "missing", str(fault), "make docker, then forkeval images build")
    absent = [image.language for image in found if not image.built]
    if absent:
        detail = f"not built: {', '.join(absent)}"
        return Finding("images", "missing", detail, "forkeval images build")
    return Finding("images", "ok", ", ".join(image.toolchain for image in found))


def control_groups() -> Finding:
    """Which kind of control group a sandbox finds, and whether it can read its own."""
    from sandboxes import engine, images, meter

    try:
        built = [image for image in images.list() if image.built]
        found = meter.read(engine.connect(), built[0].engine_id) if built else None
    except UserError as fault:
        return Finding("cgroup", "missing", str(fault), "make docker")
    if found is None:
        return Finding(
            "cgroup", "note", "not looked at: no image is built", "forkeval images build"
        )
    if found.unread:
        return Finding(
            "cgroup",
            "note",
            f"cgroup {found.cgroup}: a sandbox cannot read its {' and '.join(found.unread)}",
            "mount /sys/fs/cgroup with the cpu and memory controllers where the engine runs",
        )
    return Finding("cgroup", "ok", f"cgroup {found.cgroup}: CPU time, memory and kills are read")


def published_data() -> Finding:
    named = os.environ.get("FORKEVAL_DATA")
    if named and Path(named).is_dir():
        return Finding("data", "ok", f"FORKEVAL_DATA={named}")
    if named:
        return Finding("data", "note", f"FORKEVAL_DATA={named} is no directory", "mend the path")
    detail = "FORKEVAL_DATA is not set: the bundled mini benchmark runs, published ones need it"
    return Finding(
        "data", "note", detail, "export FORKEVAL_DATA=DIR, or --set benchmarks.0.hub=true"
    )


def bundled_model() -> Finding:
    from benchmarks_data import tiny_model

    weights = Path(tiny_model.__file__).parent / "model.safetensors"
    if weights.is_file():
        return Finding("tiny model", "ok", f"{weights.stat().st_size / 2**20:.1f} MiB")
    return Finding("tiny model", "missing", f"{weights} is absent", "install forkeval again")


CHECKS: tuple[Callable[[], Finding], ...] = (
    machine,
    torch_and_gpu,
    kernels_conflict,
    docker_engine,
    sandbox_images,
    control_groups,
    published_data,
    bundled_model,
)


def examine() -> list[Finding]:
    """Every check in turn; a check that itself fails is a finding, not an end."""
    findings = []
    for check in CHECKS:
        try:
            findings.append(check())
        except Exception as fault:  # a doctor that dies of the illness is no use
            findings.append(Finding(check.__name__, "missing", f"{type(fault).__name__}: {fault}"))
    return findings
