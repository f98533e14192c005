"""Perl: what a program sees of the launcher, how its end is reported, who may say that it ended."""

# ruff: noqa: E501  # one program a line reads better than one split over three
from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.records import Job
from sandboxes.pool import DockerExecutor

pytestmark = pytest.mark.docker

MakeJob = Callable[..., Job]
CALL_ADD = "\nuse Data::Compare;\nunless (Compare(scalar(add(2, 3)), 5)) {\n    die {0};\n}\n"
TEST = CALL_ADD.replace("{0}", '"Exception -- test case 0 did not pass."')


@pytest.mark.parametrize(
    ("program", "verdict", "detail"),
    [
        ('die unless $0 eq "main.pl" and __FILE__ eq $0 and !caller and !@ARGV;', "passed", ""),
        ('die unless __LINE__ == 1 and $^X eq "/usr/bin/perl" and `$^X -e "print 3"` == 3;', "passed", ""),
        ("use List::Util qw(sum max first); die unless sum(max(1, 2), first { $_ } 0, 3) == 5;", "passed", ""),
        ("use POSIX qw(floor fmod); die unless floor(2.5) == 2 and fmod(7, 4) == 3;", "passed", ""),
        ("use Data::Compare; die if Compare([1, {a => 2}], [1, {a => 3}]);", "passed", ""),
        ("use Math::BigInt; use Math::Trig; use Time::Local; use Text::Wrap; use Storable; use JSON::PP;", "passed", ""),
        ("use strict; use warnings; my $x; my $y = $x + 1; die unless $y == 1;", "passed", ""),
        ("die 'no answer';", "runtime_error", "line 1: die: no answer at main.pl line 1."),
        ("sub f { die }\n\nf();", "runtime_error", "line 1: die: Died at main.pl line 1."),
        ("\nmy @x = map { $_->y } 1;", "runtime_error", 'line 2: die: Can\'t locate object method "y"'),
        ("use List::Util 'first';\nfirst { 1 / 0 } 1;", "runtime_error", "line 2: die: Illegal division by zero"),
        ("use Carp; sub f {\ncroak 'x' }\nf();", "runtime_error", "line 2: die: x at main.pl line 2."),
        ("die {code => 5};", "runtime_error", "line 1: HASH:"),
        ("die bless [], 'E';", "runtime_error", "line 1: E:"),
        ("eval { die 'caught' }; die unless $@ =~ /caught/;", "passed", ""),
        ("local $SIG{__DIE__} = sub { print STDERR 'seen' }; eval { die };", "passed", ""),
        ("$SIG{__DIE__} = sub { exit 0 }; die;", "incomplete", ""),
        ("{ local $SIG{__DIE__} = sub { exit 0 } }\ndie 'x';", "runtime_error", "line 2: die: x"),
        ("END { die 'late' }", "runtime_error", "die: late"),
        ("END { $? = 3 }", "runtime_error", "exit status 3"),
        ("END { exit 3 } exit 0;", "runtime_error", "exit status 3"),
        ("sub DESTROY { die 'late' } our $x = bless [];", "passed", ""),
        ("kill TERM => $$; sleep 5;", "runtime_error", "signal 15"),
        ("exit 3;", "runtime_error", "exit status 3"),
        ("no warnings; last;", "runtime_error", "outside a loop block"),
        ("use No::Such;", "compile_error", "line 1: die: Can't locate No/Such.pm"),
        ("use strict; $x = 1;", "compile_error", "line 1: die: Global symbol"),
        ("my $x = (1;", "compile_error", "line 1: die: syntax error at main.pl line 1"),
        ("BEGIN { die 'early' }", "compile_error", "line 1: die: early"),
        ("return;", "runtime_error", "Can't return outside a subroutine"),
        ("exit;", "incomplete", ""),
        ("BEGIN { exit }", "incomplete", ""),
        ("fork;", "passed", ""),
        ("fork or exit; wait;", "passed", ""),
        ("__END__", "incomplete", ""),
        ("__DATA__", "incomplete", ""),
        ("=pod", "incomplete", ""),
        ("Forkeval::at_end(); exit;", "incomplete", ""),
        ('my $n = 46; eval { my $x = "x" x (1 << $n) };', "out_of_memory", "die: Out of memory!"),
        ('my $n = 46; BEGIN { my $n = 46; my $x = "x" x (1 << $n) }', "out_of_memory", "die: Out of memory!"),
        ('my $x = "x" x (1 << 46);', "out_of_memory", "panic: fold_constants"),
        ('print STDERR "Out of memory!\\n"; exit 1;', "runtime_error", "exit status 1"),
    ],
)  # fmt: skip
def test_how_programs_end(
    plain_executor: DockerExecutor, job: MakeJob, program: str, verdict: str, detail: str
) -> None:
    done = plain_executor.execute(job(program, "", language="perl"))
    assert done.verdict == verdict, (done.detail, done.stderr)
    assert detail in done.detail


@pytest.mark.parametrize(
    ("body", "verdict", "detail"),
    [
        ("return $_[0] + $_[1]", "passed", ""),
        ("return '5'", "passed", ""),
        ("return 10 / 2", "passed", ""),
        ("return (4, 5)", "passed", ""),
        ("my @x = (1 .. 5); return @x", "passed", ""),
        ("return 5.5", "wrong_answer", "die: Exception -- test case 0 did not pass."),
        ("return [5]", "wrong_answer", ""),
        ("return", "wrong_answer", ""),
        ("die 'Exception -- test case 0 did not pass.'", "runtime_error", ""),
        ("exit 0", "incomplete", ""),
        ("eval { exit 0 }; 5", "incomplete", ""),
        ("*Data::Compare::Compare = sub { 1 }; *main::Compare = sub { 1 }; 0", "passed", ""),
        ("my $n = 46; length('x' x (1 << $n))", "out_of_memory", ""),
    ],
)
def test_what_a_test_makes_of_a_result(
    plain_executor: DockerExecutor, job: MakeJob, body: str, verdict: str, detail: str
) -> None:
    text = f"no warnings;\nsub add {{ {body} }}\n"
    done = plain_executor.execute(job(text, TEST, language="perl"))
    assert done.verdict == verdict, (done.detail, done.stderr)
    assert detail in done.detail


def test_an_exception_that_is_not_the_tests_own_is_an_error(
    plain_executor: DockerExecutor, job: MakeJob
) -> None:
    """Also on the test's lines: a call of what is not there, or dies of another text."""
    for text in ("sub sum { 5 }\n", "sub add { 0 }\n"):
        test = CALL_ADD.replace("{0}", '"another text"')
        done = plain_executor.execute(job(text, test, language="perl"))
        assert done.verdict == "runtime_error", done.detail


def test_keys_come_in_one_order_in_every_run(plain_executor: DockerExecutor, job: MakeJob) -> None:
    text = "my %h = map { $_ => 1 } 'a' .. 'z'; print join ' ', keys %h;\n"
    said = {
        plain_executor.execute(job(text, "", language="perl", name=str(turn))).stdout
        for turn in range(4)
    }
    assert len(said) == 1


def test_a_program_reads_its_input_and_what_follows_its_end(
    plain_executor: DockerExecutor, job: MakeJob
) -> None:
    test = '{"cases": [{"input": "1\\n2", "output": "3 apples"}]}'
    text = "my $n = 0; $n += $_ while <STDIN>; print $n, ' ', <DATA>;\n__END__\napples\n"
    done = plain_executor.execute(job(text, test, language="perl", kind="stdin"))
    assert done.verdict == "passed", (done.detail, done.stderr)
