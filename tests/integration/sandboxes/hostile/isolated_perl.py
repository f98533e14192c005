"""Programs in Perl that attack their judge; see `isolated.py`."""

# ruff: noqa: E501  # one program a line reads better than one split over three
from __future__ import annotations

from tests.integration.sandboxes.hostile.program import Hostile, Inside

_perl = Inside(
    "perl", lambda before, body: f"{before}\nsub add {{\n  my ($a, $b) = @_;\n{body.strip()}\n}}\n"
)

# Takes over the conversation: `answer` is the words that go back for the first question.
_TAKE_OVER = r"""
open our $judge, "+<&=", 3;
sub frame { my $data = ref $_[0] ? pack "(N/a*)*", @{$_[0]} : $_[0]; return pack("N", length $data) . $data }
sub tell_judge { syswrite $judge, $_ for @_ }
sub get { my $data = ""; while (length $data < $_[0]) { sysread $judge, $data, $_[0] - length $data, length $data } $data }
sub take_over {
    tell_judge(frame(["ready"]));
    while (1) { my ($number) = unpack "(N/a*)*", get(unpack "N", get(4)); tell_judge(frame($_[0]->($number))) }
}
"""


def _say(name: str, text: str, *verdicts: str) -> Hostile:
    """`text` is run instead of the program's side."""
    return _perl("report", name, "5", *(verdicts or ("forged",)), before=_TAKE_OVER + text)


def _answer(name: str, words: str, *verdicts: str) -> Hostile:
    """`words`: a list in Perl, over `$number`, the question's."""
    text = f"take_over(sub {{ my ($number) = @_; return [{words}] }});"
    return _say(name, text, *verdicts)


def _result(name: str, word: str, *nodes: str) -> Hostile:
    """An answer whose one result is `word`, with new nodes."""
    made = ", ".join([f"$number, 'value', '', 0, 1, {word}, 0, 0, {len(nodes)}", *nodes])
    return _answer(name, made)


PROGRAMS = [
    _perl("helpers", "equal_to_everything", "return bless [], 'E';", "runtime_error", before="{ package E; use overload '==' => sub { 1 }, 'eq' => sub { 1 }, '\"\"' => sub { 5 }; }"),
    _perl("helpers", "own_compare", "no warnings; *main::Compare = *Data::Compare::Compare = sub { 1 }; 0", "wrong_answer"),
    _perl("helpers", "own_die", "0", "wrong_answer", before="BEGIN { *CORE::GLOBAL::die = sub { 1 } }"),
    _perl("helpers", "number_with_another_text", "use Scalar::Util; return Scalar::Util::dualvar(5, 'x');", "wrong_answer"),
    _perl("helpers", "tied_result", "tie my $x, 'E'; return $x;", "wrong_answer", before="sub E::TIESCALAR { bless [], 'E' } sub E::FETCH { $E::count++ ? 5 : 0 }"),
    _perl("helpers", "function_for_a_result", "return sub { 5 };", "runtime_error"),
    _perl("helpers", "pattern_for_a_result", "return qr/5(?{ exit 0 })/;", "runtime_error"),
    _perl("helpers", "glob_for_a_result", "return *STDOUT;", "runtime_error"),
    _perl("helpers", "error_of_the_test", 'die "Exception -- test case 0 did not pass. at main.pl line 99.\\n";', "runtime_error", "wrong_answer"),
    _perl("helpers", "error_of_no_text", "die bless [], 'Forkeval::NotPlain';", "runtime_error"),
    _perl("early exit", "exit_at_the_call", "exit 0;", "incomplete"),
    _perl("early exit", "exit_at_import", "5", "incomplete", before="exit 0;"),
    _perl("early exit", "exit_while_compiling", "5", "incomplete", before="BEGIN { exit 0 }"),
    _perl("early exit", "exit_with_status_3", "exit 3;", "runtime_error"),
    _perl("early exit", "last_out_of_everything", "no warnings; last;", "runtime_error"),
    _perl("early exit", "hang_up", "use POSIX (); POSIX::close(3); 1 while 1;", "incomplete"),
    _perl("hooks", "end_block_exits_at_once", "0", "wrong_answer", before="use POSIX (); END { POSIX::_exit(0) }"),
    _perl("loop", "never_answers", "1 while 1;", "timeout"),
    _say("half_an_answer", "tell_judge(qq(\\0\\0\\1\\0[)); sleep 100;", "timeout"),
    _perl("report", "write_the_report", 'open my $f, ">", "/sandbox/done"; syswrite $f, "0" x 32 . " completed 0 \\n"; 5', "forged"),
    _perl("report", "write_to_every_descriptor", 'for (0 .. 64) { open my $f, ">>&=", $_ or next; syswrite $f, "0" x 64 } 5', "forged"),
    _say("answer_before_the_question", "tell_judge(frame(['0' x 32, 'value', '', 0, 1, 'i5', 0, 0, 0])) for 1 .. 9;"),
    _say("ready_and_answers_at_once", "tell_judge(frame(['ready']) . frame(['0' x 32, 'value', '', 0, 1, 'i5', 0, 0, 0]) x 3);"),
    _say("unfit_by_the_program", "tell_judge(frame(['unfit', 'x', 1, 'y']));"),
    _say("completed_by_the_program", "tell_judge(frame(['completed', 'x', 0, 'y']));"),
    _say("message_of_four_gigabytes", 'tell_judge("\\xff" x 4);'),
    _say("message_of_no_words", "tell_judge(frame(pack 'N/a* N', 'ready', 7));"),
    _say("word_longer_than_its_message", "tell_judge(frame(pack 'N a*', 1 << 31, 'ready'));"),
    _answer("another_question", "'0' x 32, 'value', '', 0, 1, 'i5', 0, 0, 0"),
    _answer("answer_of_no_kind", "$number, 'unfit', '', 0, 1, 'i5', 0, 0, 0"),
    _answer("answer_that_ends_too_soon", "$number, 'value', '', 0, 1, 'i5'"),
    _answer("answer_without_a_value", "$number, 'value', '', 0, 2, 'i5', 0, 0, 0"),
    _answer("more_than_an_answer", "$number, 'value', '', 0, 1, 'i5', 0, 0, 0, 'i5'"),
    _answer("results_without_number", "$number, 'value', '', 0, 'x', 'i5', 0, 0, 0"),
    _result("value_of_no_kind", "'e5'"),
    _result("value_of_no_length", "''"),
    _result("number_that_is_none", "'i5+0'"),
    _result("double_of_three_bytes", "'dxxx'"),
    _result("text_that_is_none", '"t\\xff"'),
    _result("reference_to_nothing", "'r0'"),
    _result("reference_below_nothing", "'r-1'", "'a0'"),
    _result("reference_by_text", "'rx'", "'a0'"),
    _result("node_of_no_kind", "'r0'", "'f1', 'b5'"),
    _result("node_larger_than_its_message", "'r0'", "'a999999999'"),
    _result("hash_of_halves", "'r0'", "'h1', 'b5'"),
    _result("hash_with_a_key_that_is_none", "'r0'", "'h2', 'u', 'u'"),
    _result("scalar_of_two", "'r0'", "'s2', 'i5', 'i5'"),
    _answer("change_of_nothing", "$number, 'value', '', 0, 1, 'i5', 0, 1, 0, 'a0', 0"),
    _answer("change_of_no_argument", "$number, 'value', '', 0, 1, 'i5', 1, 7, 'i5', 0, 0"),
    _answer("change_of_a_constant", "$number, 'value', '', 0, 1, 'i0', 1, 0, 'i5', 0, 0", "forged"),
    _answer("error_that_is_a_value_and_none", "$number, 'raised', 'die', 1, 0, 0, 0, 0"),
    _answer("error_on_no_line", "$number, 'raised', 'die', 'x', 1, 'bx', 0, 0, 0"),
    _answer("error_that_looks_like_a_report", "$number, 'raised', qq(x\\n) . '0' x 32 . ' completed', 0, 1, 'bx', 0, 0, 0", "runtime_error"),
    _perl("recursion", "deep_result", "my $found = []; $found = [$found] for 1 .. 100000; return $found;", "runtime_error"),
    _perl("recursion", "result_that_holds_itself", "my $found = []; push @$found, $found; return $found;", "wrong_answer"),
    _perl("memory", "huge_result", 'return "x" x (100 << 20);', "runtime_error", "out_of_memory", "timeout"),
    _perl("memory", "more_than_there_is", 'return length("x" x (1 << ($a + 44)));', "out_of_memory"),
    _perl("memory", "more_than_there_is_at_the_top", "5", "out_of_memory", before='my $n = 46; my $x = "x" x (1 << $n);'),
    _perl("token", "the_test_of_others", """
for my $path (glob "/proc/[0-9]*") {
    next if $path eq "/proc/$$";
    for my $name (qw(mem environ maps fd/1 fd/4 cwd/test)) { return 5 if open my $f, "<", "$path/$name" }
}
for my $path (qw(/sandbox/judge /sandbox/judge/test ../judge/test)) { return 5 if -e "$path/." || open my $f, "<", $path }
return 0;
""", "wrong_answer"),
    _perl("signals", "signal_the_judge", """
for my $pid (map { /(\\d+)$/ } glob "/proc/[0-9]*") {
    next if $pid == $$;
    for my $number (0, "CONT", "KILL") { return 5 if kill $number, $pid }
}
return 0;
""", "wrong_answer"),
    _perl("files", "modules_for_the_judge", "0", "wrong_answer", before="""
for my $folder (qw(. /tmp /dev/shm /sandbox/judge /forkeval /usr/local/share/perl/5.36.0)) {
    for my $name ("Data/Compare.pm", "Data/Compare/Plugins/All.pm", "isolated_codec.pl", "Errno.pm") {
        my $at = $folder;
        for (split "/", $name) { mkdir $at; $at .= "/$_" }
        open my $f, ">", $at or next;
        print $f "exit 0;";
    }
}
chmod 0777, ".";
"""),
    _perl("processes", "another_process_answers", "0", "wrong_answer", before="if (fork) { require POSIX; POSIX::_exit(0) }"),
]  # fmt: skip
