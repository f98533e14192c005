"""What crosses between a program and its judge in Ruby, PHP and Perl arrives as what it was."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from pipeline.records import Job
from sandboxes.pool import DockerExecutor

pytestmark = pytest.mark.docker

Make = Callable[..., Job]

RUBY = r"""
nil
true
0
-5
2**70
0.1
-0.0
1e308
Float::INFINITY
""
"a\\0b\u00e9"
"\xff".b
"\xe9".dup.force_encoding("ISO-8859-1")
:sym
:"odd symbol"
[]
[1,[2,["x"]]]
{}
{1=>2,"a"=>[3],nil=>:b,[1]=>{2=>3}}
(1..5)
(1...)
("a".."c")
(0.5..1)
Rational(-3,7)
Complex(1,-2.5)
Set[1,[2]]
"""

PHP = r"""
null
true
0
-5
PHP_INT_MAX
0.1
-0.0
1.0
1e308
INF
""
"a\0b\u{e9}"
"\xff\xfe"
[]
[1,[2,["x"]]]
[3=>1,1=>2]
["b"=>1,"a"=>[1.0,"1"]]
["08"=>1,8=>2]
(object)[]
(object)["a"=>(object)["b"=>[1]]]
"""

PERL = r"""
undef
1 == 1
1 == 2
0
-5
18446744073709551615
-9223372036854775808
0.1
-0.0
1e15
1e308
9**9**9
-sin(9**9**9)
""
"05"
"1.50"
"a\0b"
"\xff\xe9"
"\x{e9}\x{1f600}"
do { my $x = "caf\xe9"; utf8::upgrade($x); $x }
do { my $x = "7"; my $y = $x + 1; $x }
do { my $x = 7; my $y = "$x"; $x }
[]
[1,[2,["x"],{}],undef]
{}
{a=>[3],""=>undef,"\x{263a}"=>{b=>1.5}}
\"text"
\\[1]
\undef
"""

VALUES = {
    "ruby": (
        "def add(x)\n  x\nend\n",
        RUBY,
        "x = {0}\ny = add({0})\n"
        "raise StandardError, x.inspect if x.class != y.class || x.inspect != y.inspect\n",
    ),
    "php": (
        "<?php\nfunction add($x) { return $x; }\n",
        PHP,
        "$x = {0}; $y = add({0});\n"
        "if (var_export($x, true) !== var_export($y, true)) {{ throw new Exception('{1}'); }}\n",
    ),
    "perl": (
        "sub add { return $_[0] }\n",
        PERL,
        "{{ my ($x, $y) = ({0}, scalar(add({0})));\n"
        "die 'Exception -- test case {1} did not pass' if seen($x) ne seen($y) }}\n",
    ),
}


# What a value is: its kind, whether text has its flag, what it is as a number, and its contents.
HELPERS = {
    "perl": """
use Data::Dumper; $Data::Dumper::Sortkeys = $Data::Dumper::Useqq = 1;
use builtin qw(is_bool created_as_number); no warnings;
sub seen {
    my ($x) = @_;
    my @kind = ref $x ? ref $x : (is_bool($x), created_as_number($x), utf8::is_utf8($x), $x == 0);
    return join "|", @kind, Dumper($x);
}
""",
}


def _passes(executor: DockerExecutor, job: Job) -> None:
    for evidence in ("completed", "isolated"):
        found = executor.execute(dataclasses.replace(job, evidence=evidence))
        assert (found.verdict, found.evidence) == ("passed", evidence), (
            found.detail + found.stderr[-1500:]
        )


@pytest.mark.parametrize("language", list(VALUES))
def test_values_arrive_as_they_were(language: str, executor: DockerExecutor, job: Make) -> None:
    text, values, line = VALUES[language]
    test = HELPERS.get(language, "") + "".join(
        line.format(value, number) for number, value in enumerate(values.strip().splitlines())
    )
    _passes(executor, job(text, "\n" + test, language=language))


CHANGES = {
    "ruby": (
        """
def add(a, b, c)
  raise "not shared" unless a[0].equal?(b) && c[:a].equal?(a) && c["c"].equal?(c)
  b.push(a); a.reverse!; c.delete("c"); c[:new] = [b]; c[:text].upcase!; c[:set] << 3
  [c[:new], b, a]
end
""",
        """
b = []
a = [b, 5]
c = {a: a, text: +"x", set: Set[1]}
c["c"] = c
text, set = c[:text], c[:set]
first, second, third = add(a, b, c)
ok = a[0] == 5 && a[1].equal?(b) && b[0].equal?(a) && second.equal?(b) && third.equal?(a)
ok &&= first.equal?(c[:new]) && !c.key?("c") && text == "X" && set == Set[1, 3]
raise StandardError, "wrong" unless ok
""",
    ),
    "php": (
        """<?php
function add(array &$list, $copy, $object) {
    $list[] = 4; $copy[] = 5; $object->x->y = [1]; $object->self = $object;
    return $object->x;
}
""",
        """
$list = [1]; $copy = [1]; $object = (object) ['x' => (object) ['y' => 0]];
$x = $object->x;
$found = add($list, $copy, $object);
if ($copy !== [1] || $found !== $x || $x->y !== [1] || $object->self !== $object) {
    throw new Exception('wrong');
}
""",
    ),
    "perl": (
        """
sub add {
    my ($list, $same, $hash, $text) = @_;
    die "not shared" unless $list->[0] == $same && $hash->{a} == $list && $hash->{c} == $hash;
    push @$same, $list; @$list = reverse @$list; delete $hash->{c}; $hash->{new} = [$same];
    ${$hash->{text}} =~ tr/x/X/; $_[3] .= "!"; $_[4]++;
    return wantarray ? ($hash->{new}, $same, $list) : "scalar";
}
""",
        """
my $b = []; my $a = [$b, 5]; my $text = "x";
my $hash = {a => $a, text => \\$text}; $hash->{c} = $hash;
my ($last, %h) = ("so", n => 1);
my ($first, $second, $third) = add($a, $b, $hash, $last, $h{n});
my $ok = $a->[0] == 5 && $a->[1] == $b && $b->[0] == $a && $second == $b && $third == $a;
$ok &&= $first == $hash->{new} && !exists $hash->{c} && $text eq "X";
$ok &&= $last eq "so!" && $h{n} == 2;
die "Exception -- test case 0 did not pass" unless $ok;
""",
    ),
}


@pytest.mark.parametrize("language", list(CHANGES))
def test_arguments_change_in_place(language: str, executor: DockerExecutor, job: Make) -> None:
    text, test = CHANGES[language]
    _passes(executor, job(text, test, language=language))


def test_references_are_those_of_the_prompt(executor: DockerExecutor, job: Make) -> None:
    prompt = "<?php\nfunction half($x) { return $x / 2; }\nfunction add(&$list, $x = 2) {\n"
    test = """
$list = [1];
if (half(add($list, 5)) != 3 || $list !== [1, 5] || add($list) != 3 || $list !== [1, 5, 2]) {
    throw new Exception('wrong');
}
"""
    completion = "    $list[] = $x;\n    return $x == 2 ? 3 : $x + 1;\n}\n"
    _passes(executor, job(completion, test, prompt=prompt, language="php"))


FALLBACKS = {
    "ruby": (
        "def add(f, x)\n  f.call(x)\nend\n",
        "\nraise StandardError unless add(->(x) { x + 1 }, 4) == 5\n",
    ),
    "php": (
        "<?php\nfunction add($f, $x) { return $f($x); }\n",
        "\nif (add(fn ($x) => $x + 1, 4) != 5) { throw new Exception('wrong'); }\n",
    ),
    "perl": (
        "sub add { my ($f, $x) = @_; return $f->($x) }\n",
        "\ndie 'Exception' unless add(sub { $_[0] + 1 }, 4) == 5;\n",
    ),
}


@pytest.mark.parametrize("language", list(FALLBACKS))
def test_a_function_for_an_argument_falls_back(
    language: str, executor: DockerExecutor, job: Make
) -> None:
    text, test = FALLBACKS[language]
    asked = dataclasses.replace(job(text, test, language=language), evidence="isolated")
    found = executor.execute(asked)
    assert (found.verdict, found.evidence) == ("passed", "completed"), found.detail


def test_context_constants_and_errors_are_those_of_the_call(
    executor: DockerExecutor, job: Make
) -> None:
    completion = r"""
sub add {
    my ($how) = @_;
    die {code => [5]} if $how eq "data";
    die "of the program\n" if $how eq "text";
    $_[0] = "changed" if $how eq "change";
    push our @seen, wantarray ? "list" : defined wantarray ? "scalar" : "void";
    return $how eq "seen" ? "@seen" : (4, 5);
}
"""
    test = r"""
my $last = add("x"); my @all = add("x"); add("x");
my $seen = add("seen");
die "Exception -- test case 0 did not pass: $seen" unless $last == 5 && "@all" eq "4 5" && $seen eq "scalar list void scalar";
eval { add("data") }; die "Exception -- test case 1 did not pass" unless $@->{code}[0] == 5;
eval { add("text") }; die "Exception -- test case 2 did not pass" unless $@ eq "of the program\n";
for ("change") { eval { add($_) }; die "Exception -- test case 3 did not pass" unless $@ =~ /read-only/ }
my $given = "change"; add($given); die "Exception -- test case 4 did not pass" unless $given eq "changed";
"""  # noqa: E501  # as it is written
    _passes(executor, job(completion, test, language="perl"))


@pytest.mark.parametrize(
    "argument", ["bless([], 'C')", "qr/x/", "\\*STDOUT", "*STDOUT", "[\\&add]"]
)
def test_arguments_of_perl_that_are_no_plain_data_fall_back(
    executor: DockerExecutor, job: Make, argument: str
) -> None:
    text = f"\ndie 'Exception' unless add({argument});\n"
    asked = dataclasses.replace(job("sub add { 1 }\n", text, language="perl"), evidence="isolated")
    found = executor.execute(asked)
    assert (found.verdict, found.evidence) == ("passed", "completed"), found.detail


def test_a_program_in_perl_cannot_bring_about_a_fallback(
    executor: DockerExecutor, job: Make
) -> None:
    """Whatever a test passes on to the next call: results that are no data, too deep, too large."""
    deep = "my $found = []; $found = [$found] for 1 .. 990; return [$found, $found, [$found]];"
    test = "\ndie 'Exception -- test case 0 did not pass' unless add([add(2)]) == 5;\n"
    for result in (
        "\\'constant'", "\\\\1", "bless []", "bless \\my $x, '0'", "sub { 5 }", "*STDOUT", "qr/5/",
        "v1.2", "\\v1.2", "\\substr('x', 0)", "'x' x (31 << 20)", "\\pos", "undef", "1 == 1", deep,
        deep.replace("990", "998"),
    ):  # fmt: skip
        text = f"sub add {{ return 5 if $_[0] != 2; {result} }}\n"
        asked = dataclasses.replace(job(text, test, language="perl"), evidence="isolated")
        found = executor.execute(asked)
        assert found.evidence == "isolated", (result, found.detail)
        assert found.verdict != "infrastructure_error"


@pytest.mark.parametrize(
    ("completion", "verdict", "detail"),
    [
        ("sub add { my ($a = ; 5 }\n", "compile_error", "line 1: die: syntax error at"),
        ("use strict;\nsub add { $x }\n", "compile_error", "line 2: die: Global symbol"),
        ("use No::Such;\nsub add { 5 }\n", "compile_error", "line 1: die: Can't locate No/Such.pm"),
        ("BEGIN { die 'early' }\nsub add { 5 }\n", "compile_error", "line 1: die: early at"),
        ("eval { die 'x' };\nsub add { 5 }\nmy $x = (1;\n", "compile_error", "line 3: die: syntax"),
        ("sub add { 5 }\ndie 'late';\n", "runtime_error", "line 2: die: late at"),
        ("sub add { 5 }\ndie {a => 1};\n", "runtime_error", "line 2: HASH:"),
        ("sub add {\ndie 'in' }\n", "runtime_error", "line 2: die: in at"),
        ("sub add { die bless [], 'E' }\n", "runtime_error", "line 1: E:"),
    ],
)
def test_how_programs_in_perl_fail_is_told_with_and_without_a_judge(
    executor: DockerExecutor, job: Make, completion: str, verdict: str, detail: str
) -> None:
    for evidence in ("completed", "isolated"):
        asked = job(completion, "\nadd(2, 3);\n", language="perl")
        found = executor.execute(dataclasses.replace(asked, evidence=evidence))
        assert (found.verdict, found.evidence) == (verdict, evidence), found.detail
        assert detail in found.detail
