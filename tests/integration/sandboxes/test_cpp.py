"""C++: how a program's end is reported, what a precompiled header must not change."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.records import Job
from sandboxes.pool import DockerExecutor

pytestmark = pytest.mark.docker

MakeJob = Callable[..., Job]
START = "#include <bits/stdc++.h>\nusing namespace std;\n"
FAILED = 'throw runtime_error("Exception -- test case 1 did not pass.");'
LOUD = "struct Loud { ~Loud() { cerr << 'unwound' << endl; } };\n"


@pytest.mark.parametrize(
    ("program", "verdict", "detail"),
    [
        ("int main() { }", "passed", ""),
        ("int main() { return 3; }", "runtime_error", "exit status 3"),
        (f"int main() {{ {FAILED} }}", "wrong_answer", "std::runtime_error: Exception -- test"),
        ("int main() { throw 3; }", "runtime_error", "line 0: int:"),
        ("int main() { throw vector<int>(); }", "runtime_error", "std::vector<int, std::alloc"),
        ("struct E {}; int main() { throw E(); }", "runtime_error", "line 0: E:"),
        ('int main() { throw logic_error("a\\n" "b"); }', "runtime_error", "std::logic_error: a"),
        ("int main() { throw bad_alloc(); }", "out_of_memory", "std::bad_alloc: std::bad_alloc"),
        ("void f() noexcept { throw 1; } int main() { f(); }", "runtime_error", "line 0: int:"),
        ("int main() { thread([] { throw 1; }).join(); }", "runtime_error", "line 0: int:"),
        ("int x = stoi(string()); int main() { }", "runtime_error", "std::invalid_argument: stoi"),
        ("int main() { terminate(); }", "runtime_error", "killed by signal 6"),
        ("int main() { assert(false); }", "runtime_error", "killed by signal 6"),
        ("int main() { at_quick_exit([] { _Exit(3); }); quick_exit(0); }", "runtime_error", ""),
        ("struct S { ~S() { _Exit(4); } } s; int main() { }", "runtime_error", "exit status 4"),
        ("#include <unistd.h>\nint main() { fork(); }", "passed", ""),
        ("int main(int n, char **v, char **e) { return n != 1 || !e[0]; }", "passed", ""),
        ("int f() { return x; }", "compile_error", "'x' was not declared"),
        ("int f() { return 0; }", "compile_error", ""),  # linkers differ in words
        ("int main;", "compile_error", "main"),
    ],
)
def test_how_programs_end(
    executor: DockerExecutor,
    plain_executor: DockerExecutor,
    job: MakeJob,
    program: str,
    verdict: str,
    detail: str,
) -> None:
    for pool in (executor, plain_executor):
        done = pool.execute(job(START, program, language="cpp"))
        assert done.verdict == verdict, (done.detail, done.stderr)
        assert detail in done.detail.replace("\u2018", "'").replace("\u2019", "'")


def test_an_exception_that_nothing_catches_unwinds_nothing(
    executor: DockerExecutor, job: MakeJob
) -> None:
    done = executor.execute(job(START, f"{LOUD}int main() {{ Loud l; {FAILED} }}", language="cpp"))
    assert done.stderr == (
        "terminate called after throwing an instance of 'std::runtime_error'\n"
        "  what():  Exception -- test case 1 did not pass.\n"
    )


@pytest.mark.parametrize(
    "program",
    [
        "#define main start\n#undef main\n" + START + "int main() { }",
        "#define NDEBUG\n" + START + "int main() { assert(false); }",
        "#include <cmath>\n" + START + "int main() { return sqrt(4.0) != 2; }",
        "int main() { return sizeof(long) != 8; }\n" + START,
        START + START + "int main() { }",
        "#include <vector>\n" + START + START + "int main() { }",
        "#define _GLIBCXX_DEBUG\n" + START + "int main() { return vector<int>(1)[0]; }",
    ],
)
def test_what_stands_before_the_header_counts(
    executor: DockerExecutor, plain_executor: DockerExecutor, job: MakeJob, program: str
) -> None:
    for pool in (executor, plain_executor):
        done = pool.execute(job(program, "", language="cpp"))
        assert done.verdict == "passed", (done.detail, done.stderr)
