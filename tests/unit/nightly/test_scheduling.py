"""The schedulers' files parse, and start this configuration."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from made_nights import Nights

from pipeline.cli import main
from pipeline.commands import SCHEDULERS
from pipeline.nightly.scheduling import FILES


@pytest.fixture(params=["plain", "two words 50%"])
def nights(request: pytest.FixtureRequest, tmp_path: Path) -> Nights:
    folder = tmp_path / request.param
    folder.mkdir()
    return Nights(folder)


def printed(nights: Nights, kind: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(["nightly", str(nights.yaml), "--template", kind]) == 0
    text = capsys.readouterr().out
    assert not re.search(r"@[A-Z]+@", text)
    return text


def sections(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # keys as they are written
    parser.read_string(text)
    return parser


def test_the_command_line_offers_every_file() -> None:
    assert tuple(FILES) == SCHEDULERS


def test_cron(nights: Nights, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        line
        for line in printed(nights, "cron", capsys).splitlines()
        if line and not line.startswith("#")
    ]
    settings, (job,) = lines[:-1], lines[-1:]
    assert all(re.fullmatch(r"[A-Z]+=\S+", line) for line in settings)
    fields = job.split(None, 5)
    assert fields[:5] == ["30", "22", "*", "*", "*"]
    assert "%" not in re.sub(r"\\%", "", fields[5])  # a bare one would end the line
    command = fields[5].replace(r"\%", "%")
    assert not nights.place.parent.exists()  # before the first night, nor does cron's log
    program = re.search(r"&& (\S+) nightly ", command)
    assert program
    night = nights.folder / "night"
    night.write_text('#!/bin/sh\necho "told: $1 $2 in $PWD"\necho wrong >&2\nexit 1\n')
    night.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", "-c", command.replace(program[1], shlex.quote(str(night)))],
        env=dict(line.split("=", 1) for line in settings),
        cwd="/",
        check=False,
    )
    assert done.returncode == 1
    log = Path(f"{nights.place}.log").read_text()
    assert log == f"told: nightly {nights.yaml} in /\nwrong\n"


def test_systemd(nights: Nights, capsys: pytest.CaptureFixture[str]) -> None:
    service = sections(printed(nights, "systemd-service", capsys))
    start = shlex.split(service["Service"]["ExecStart"].replace("%%", "%"))
    assert start[1:] == ["nightly", str(nights.yaml)]
    assert Path(start[0]).is_absolute()
    timer = sections(printed(nights, "systemd-timer", capsys))
    assert timer["Timer"]["OnCalendar"] == "*-*-* 22:30:00"
    assert timer["Install"]["WantedBy"] == "timers.target"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze here")
def test_systemd_takes_the_units(nights: Nights, capsys: pytest.CaptureFixture[str]) -> None:
    paths = []
    for kind in ("service", "timer"):
        paths.append(nights.folder / f"forkeval-nightly.{kind}")
        paths[-1].write_text(printed(nights, f"systemd-{kind}", capsys))
    done = subprocess.run(
        ["systemd-analyze", "verify", *map(str, paths)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_github(nights: Nights, capsys: pytest.CaptureFixture[str]) -> None:
    workflow = yaml.safe_load(printed(nights, "github", capsys))
    assert workflow[True]["schedule"] == [{"cron": "30 22 * * *"}]  # `on` is true to YAML 1.1
    steps = workflow["jobs"]["nightly"]["steps"]
    assert shlex.split(steps[0]["run"])[1:] == ["nightly", str(nights.yaml)]
    assert shlex.split(steps[1]["run"])[1] == f"{nights.place}/latest/summary.md"
    assert steps[2]["with"]["path"].split("\n")[:2] == [
        f"{nights.place}/latest",
        f"{nights.place}/site",
    ]


def test_slurm(nights: Nights, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Run with a stand-in for Slurm and for the night, that say how they were called."""
    text = printed(nights, "slurm", capsys)
    options = re.findall(r"^#SBATCH (--[a-z-]+)=\S+$", text, re.M)
    assert {"--job-name", "--time", "--output", "--signal"} <= set(options)
    first = next(i for i, line in enumerate(text.splitlines()) if line and line[0] != "#")
    assert all(not line.startswith("#SBATCH") for line in text.splitlines()[first:])
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, body in {
        "scontrol": 'echo "   Command=/x/job.sh"',
        "sbatch": 'echo "sbatch $*"',
    }.items():
        (tools / name).write_text(f"#!/bin/sh\n{body}\n")
        (tools / name).chmod(0o755)
    night = tools / "night"
    night.write_text('#!/bin/sh\necho "night: $2"\nexit 1\n')
    night.chmod(0o755)
    program = re.search(r"^(\S.*) nightly ", text, re.M)
    assert program
    script = tmp_path / "job.sh"
    script.write_text(text.replace(f"{program[1]} nightly", f"{night} nightly"))
    done = subprocess.run(
        ["bash", str(script)],
        env={"PATH": f"{tools}:/usr/bin:/bin", "SLURM_JOB_ID": "7"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1  # the night's own
    queued, told = done.stdout.splitlines()
    assert re.fullmatch(
        r"sbatch --begin=\d{4}-\d\d-\d\dT22:30:00 --dependency=singleton /x/job.sh", queued
    )
    assert told == f"night: {nights.yaml}"
