"""Ruby: what a program sees of its launcher, how its end is reported, who may say that it ended."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.records import Job
from sandboxes.pool import DockerExecutor

pytestmark = pytest.mark.docker

MakeJob = Callable[..., Job]
# Says that the program has ended, from a block that claims to stand on the program's last line.
FORGED = 'eval("\\n" * 9 + "proc { Forkeval.at_end }", TOPLEVEL_BINDING, __FILE__)'


@pytest.mark.parametrize(
    ("program", "verdict", "detail"),
    [
        ('raise "no" unless __FILE__ == $0 and caller.empty? and ARGV.empty?', "passed", ""),
        ('raise "no" unless self.to_s == "main" and require "prime"', "passed", ""),
        ('raise "no" unless Set[1].size == 1 and defined?(Gem) and DidYouMean', "passed", ""),
        ("at_exit { exit 3 }", "runtime_error", "exit status 3"),
        ("at_exit { exit! 0 }", "incomplete", ""),
        ("\nThread.new { raise IOError, 'x' }.join", "runtime_error", "line 2: IOError: x"),
        ("def f(n) = f(n + 1) + 1\nf(0)", "runtime_error", "line 1: SystemStackError: stack"),
        ("throw :it", "runtime_error", "line 1: UncaughtThrowError: uncaught throw :it"),
        ("Process.kill :TERM, $$; sleep", "runtime_error", ""),
        ("def f(\n1)", "compile_error", "line 2: SyntaxError: "),
        ('x = "\\xff"\nx =~ /\\u00e9/', "runtime_error", "line 2: ArgumentError: "),
        ("class E < IOError; def message = fail; end\nraise E", "runtime_error", "line 2: E:"),
        ("class E < IOError; def backtrace = 3; end\nraise E", "runtime_error", "line 0: E: E"),
        ("fork\nProcess.waitall", "passed", ""),
        ("return", "incomplete", ""),
        ("Forkeval.at_end\nexit", "incomplete", ""),
        ("__END__", "incomplete", ""),
        (f"Thread.new(&{FORGED}).join\nreturn" + "\n" * 8, "incomplete", ""),
        (f"Fiber.new(&{FORGED}).resume\nreturn" + "\n" * 8, "incomplete", ""),
        (f"at_exit(&{FORGED})\nreturn" + "\n" * 8, "incomplete", ""),
        (f"{FORGED}.call\nreturn" + "\n" * 8, "incomplete", ""),
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
        done = pool.execute(job(program, "", language="ruby"))
        assert done.verdict == verdict, done.detail
        assert detail in done.detail


def test_a_program_reads_what_follows_its_end(
    executor: DockerExecutor, plain_executor: DockerExecutor, job: MakeJob
) -> None:
    test = '{"cases": [{"input": "1\\n2", "output": "3 4"}]}'
    program = 'puts "#{$stdin.read.split.sum(&:to_i)} #{DATA.read}"\n__END__\n4'
    for pool in (executor, plain_executor):
        done = pool.execute(job(program, test, language="ruby", kind="stdin"))
        assert done.verdict == "passed", done.stderr


def test_forks_draw_their_own_random_numbers(executor: DockerExecutor, job: MakeJob) -> None:
    program = job("$stdout.write [rand, Random.new_seed, 'x'.hash].inspect\n", "", language="ruby")
    first, second = (executor.execute(program).stdout for _ in range(2))
    assert first.split(",")[:2] != second.split(",")[:2]
