"""Hostile programs in Perl."""

# ruff: noqa: E501  # one program a line reads better than one split over three
from __future__ import annotations

from tests.integration.sandboxes.hostile.program import Hostile, Inside

# `body` is the inside of `add`; `before` stands above it.
_perl = Inside(
    "perl",
    lambda before, body: f"{before}\nsub add {{\n  my ($a, $b) = @_;\n{body.strip()}\n}}\n",
)


def _after(threat: str, name: str, text: str, *verdicts: str) -> Hostile:
    """A program that goes on, behind its function, with `text`, where the test follows."""
    return Hostile("perl", threat, name, f"sub add {{ 0 }}\n{text}", verdicts)


def call_shell(command: str) -> str:
    return f"""
sub add {{
  system("sh", "-c", '{command}');
  exit 0 if $? >> 8 == 7;
  return 0;
}}
"""


_EQUAL = "\ndie 'wrong' unless add(2, 3) == 5;\n"

_SEARCH = r"""
my %seen;
my @texts = ("0" x 32);
my $walk; $walk = sub {
    my ($x, $depth) = @_;
    return if $depth > 5 or ref \$x eq "GLOB";
    push @texts, $x =~ /(?<![0-9a-f])([0-9a-f]{32})(?![0-9a-f])/g unless ref $x;
    return if !ref $x or $seen{$x}++;
    if (ref $x eq "ARRAY") { $walk->($_, $depth + 1) for @$x }
    elsif (ref $x eq "HASH") { $walk->($_, $depth + 1) for values %$x }
    elsif (ref $x eq "SCALAR") { $walk->($$x, $depth + 1) }
};
for my $name (qw(cmdline environ stat)) { open my $f, "<", "/proc/self/$name" or next; local $/; $walk->(scalar <$f>, 0) }
my @packages = ("main::");
while (my $package = shift @packages) {
    next if $seen{"package $package"}++;
    no strict "refs";
    for my $name (keys %$package) {
        push @packages, $package . $name if $name =~ /::\z/ and $name ne "main::";
        $walk->($_, 0) for *{$package . $name}{SCALAR}, *{$package . $name}{ARRAY}, *{$package . $name}{HASH};
    }
}
open my $done, ">>", "/sandbox/done";
syswrite $done, "$_ completed 0 \n" for grep { !$seen{$_}++ } @texts;
exit 0;
"""

# The launcher's own variables lie behind its code, where a function of its own says that it is.
_MEMORY = r"""
my $page = B::svref_2object(\&Forkeval::at_end)->XSUB & ~4095;
for (1 .. 4096) {
    if (unpack("P4096", pack "J", $page) =~ /\0([0-9a-f]{32})(?![ -~]{8})/) {
        open my $done, ">", "/sandbox/done";
        syswrite $done, "$1 completed 0 \n";
        exit 0;
    }
    $page += 4096;
}
"""

_GUESS = """
for my $guess (0 .. 9) {
    my $child = fork;
    if (!$child) { open STDERR, ">", "/dev/null"; return $guess }
    waitpid $child, 0;
    return $guess if $? == 0;
}
"""

PROGRAMS = [
    _perl("early exit", "exit", "exit 0;", "incomplete"),
    _perl("early exit", "exit_at_once", "use POSIX (); POSIX::_exit(0);", "incomplete"),
    _perl("early exit", "exit_at_the_top", "0", "incomplete", before="exit;"),
    _perl("early exit", "exit_while_compiling", "0", "incomplete", before="BEGIN { exit 0 }"),
    _perl("early exit", "exit_by_a_call_of_the_system", "syscall(`uname -m` =~ /x86_64/ ? 231 : 94, 0);", "incomplete"),
    _perl("early exit", "become_another_program", 'exec "true";', "incomplete"),
    _perl("early exit", "die_with_status_0", "$! = 0; $? = 0; die bless {}, 'E';", "runtime_error", before="package E; sub PROPAGATE { exit 0 } package main;"),
    _perl("early exit", "exit_in_an_eval", "eval { exit 0 }; return 5;", "incomplete"),
    _perl("early exit", "last_out_of_everything", "no warnings; last;", "runtime_error"),
    _perl("early exit", "goto_the_end", "goto END;", "runtime_error"),
    _perl("early exit", "leave_by_a_label", "no warnings; last SKIP;", "compile_error", before="SKIP: {"),
    _after("early exit", "end_of_the_program", "__END__\n", "incomplete"),
    _after("early exit", "data_to_the_end", "__DATA__\n", "incomplete"),
    _after("early exit", "end_by_a_control_character", "\x04\n", "incomplete"),
    _after("early exit", "documentation_to_the_end", "=pod\n", "incomplete"),
    _after("early exit", "here_document_to_the_end", "my $x = <<'';", "wrong_answer", "incomplete", "compile_error"),
    _after("early exit", "here_document_of_the_marks_line", "my $x = <<'Forkeval::at_end();';\n", "compile_error"),
    _after("early exit", "quote_to_the_end", "my $x = q{", "compile_error"),
    _after("early exit", "format_to_the_end", "format STDOUT =\n", "compile_error"),
    _after("early exit", "the_test_in_a_function", "sub never {", "compile_error"),
    _after("early exit", "leave_at_the_top", "return;", "runtime_error"),
    _after("early exit", "leave_out_the_start", "0 and", "wrong_answer"),
    _after("early exit", "leave_out_the_test_at_the_top", "goto LAST;", "runtime_error"),
    _perl("hooks", "end_block_hides_the_failure", "0", "wrong_answer", before="END { $? = 0 }"),
    _perl("hooks", "end_block_exits_at_once", "0", "wrong_answer", before="use POSIX (); END { POSIX::_exit(0) }"),
    _perl("hooks", "destructor_exits", "our $kept = bless []; 0", "wrong_answer", before="sub DESTROY { $? = 0; exit 0 }"),
    _perl("hooks", "alarm_exits", '$SIG{ALRM} = sub { exit 0 }; alarm 1; 1 while 1;', "incomplete"),
    _perl("hooks", "signal_handler_exits", '$SIG{TERM} = sub { exit 0 }; kill TERM => $$; sleep 1; 0', "incomplete"),
    _perl("hooks", "handler_of_errors_exits", "$SIG{__DIE__} = sub { exit 0 }; 0", "incomplete"),
    _perl("hooks", "handler_of_warnings_exits", '$SIG{__WARN__} = sub { exit 0 }; warn "x"; 0', "incomplete"),
    _perl("hooks", "debugger_exits", "0", "incomplete", "wrong_answer", before="BEGIN { $^P = 0x33f; *DB::DB = sub { exit 0 }; *DB::sub = sub { exit 0 } }"),
    _perl("hooks", "hostile_exception", "die bless [], 'E';", "runtime_error", "incomplete", before="{ package E; use overload '\"\"' => sub { exit 0 }, bool => sub { exit 0 }; }"),
    _perl("report", "guess_the_report", 'open my $f, ">", "/sandbox/done"; syswrite $f, "0" x 32 . " completed 0 \\n"; exit 0;', "forged"),
    _perl("report", "every_descriptor", 'for (3 .. 255) { open my $f, ">>&=", $_ or next; syswrite $f, "0" x 32 . " completed 0 \\n" } exit 0;', "incomplete"),
    _perl("report", "say_that_the_end_is_reached", "Forkeval::at_start(); Forkeval::at_end(); exit 0;", "incomplete"),
    _after("report", "say_it_at_the_top", "Forkeval::at_start();\nForkeval::at_end();\nexit 0;\n", "incomplete"),
    _after("report", "say_it_in_text_that_is_evaluated", 'for (1 .. 40) { eval "\\n" x $_ . "Forkeval::at_start();\\nForkeval::at_end();\\n" } exit 0;\n', "incomplete"),
    _after("report", "say_it_and_quote_the_test", "Forkeval::at_start();\nForkeval::at_end();\n__END__\n", "incomplete"),
    _after("report", "say_it_at_a_line_that_is_claimed", '# line 12 "main.pl"\nForkeval::at_start();\n# line 20\nForkeval::at_end();\nexit 0;\n', "incomplete"),
    _perl("token", "walk_all_values", _SEARCH, "forged"),
    _perl("token", "reads_its_own_memory", _MEMORY, "passed", before="use B;"),
    _perl("launcher", "replaced_marks", "0", "incomplete", "wrong_answer", before="BEGIN { no warnings; *Forkeval::at_start = *Forkeval::at_end = sub { 1 } }"),
    _perl("launcher", "marks_that_exit", "0", "incomplete", "wrong_answer", before="BEGIN { no warnings; *Forkeval::at_end = *Forkeval::at_start = sub { exit 0 } }"),
    _perl("launcher", "close_all_descriptors_while_compiling", "0", "wrong_answer", before="BEGIN { require POSIX; POSIX::close($_) for 0 .. 255 }"),
    _perl("launcher", "rewrite_the_source", 'open my $f, ">", "main.pl"; print $f "sub add { 5 } Forkeval::at_start(); Forkeval::at_end();"; close $f; 0', "wrong_answer"),
    _perl("launcher", "filter_the_source", "0", "compile_error", before="use Filter::Util::Call; BEGIN { filter_add(sub { $_ = '' if /die/; filter_read() }) }"),
    _perl("launcher", "file_of_the_program_again", "return $again++ ? 0 : do './main.pl';", "runtime_error", "wrong_answer", "compile_error", before="our $again;"),
    _perl("helpers", "equal_to_everything", "return bless [], 'E';", "passed", before="{ package E; use overload '==' => sub { 1 }, 'eq' => sub { 1 }; }", test=_EQUAL),
    _perl("helpers", "object_for_a_number", "return bless [], 'E';", "wrong_answer", before="{ package E; use overload '==' => sub { 1 }, 'eq' => sub { 1 }, '\"\"' => sub { 5 }; }"),
    _perl("helpers", "own_compare", "no warnings; *main::Compare = sub { 1 }; 0", "passed"),
    _perl("helpers", "module_that_shadows_the_tests", "0", "passed", before="BEGIN { $INC{'Data/Compare.pm'} = 1; *Data::Compare::import = sub { *main::Compare = sub { 1 } } }"),
    _perl("helpers", "autoload_answers_for_the_comparison", "0", "passed", before="BEGIN { $INC{'Data/Compare.pm'} = 1 } sub AUTOLOAD { 1 }"),
    _perl("helpers", "plugin_of_the_comparison", "0", "passed", before="""
use lib '.';
BEGIN {
    mkdir for qw(Data Data/Compare Data/Compare/Plugins);
    open my $f, '>', 'Data/Compare/Plugins/All.pm';
    print $f 'package Data::Compare::Plugins::All; sub register { ["ARRAY", sub { 1 }] } register();';
    close $f;
}"""),
    _perl("helpers", "own_die", "0", "passed", before="BEGIN { *CORE::GLOBAL::die = sub { 1 } }"),
    _perl("helpers", "imported_die", "0", "passed", before="use subs 'die'; sub die { 1 }"),
    _perl("helpers", "constants_of_another_value", "0", "passed", before="BEGIN { require overload; overload::constant(integer => sub { 0 }) }"),
    _perl("helpers", "guess_in_children_until_the_test_agrees", _GUESS, "passed"),
    _perl("loop", "endless_loop", "1 while 1;", "timeout"),
    _perl("loop", "endless_loop_while_compiling", "0", "timeout", before="BEGIN { 1 while 1 }"),
    _perl("loop", "sleep", "sleep 1000;", "timeout", slow=True),
    _perl("loop", "signals_are_ignored", "$SIG{$_} = 'IGNORE' for keys %SIG; 1 while 1;", "timeout"),
    _perl("loop", "backtracking_pattern", '("a" x 60) =~ /^(a(?1)?|aa(?1)?)[bc]/ ? 1 : 0', "timeout"),
    _perl("recursion", "without_end", "no warnings; return add($a, $b) + 1;", "out_of_memory", "timeout"),
    _perl("memory", "at_once", 'length("x" x (1 << ($a + 29)))', "out_of_memory"),
    _perl("memory", "more_than_there_is", 'length("x" x (1 << ($a + 44)))', "out_of_memory"),
    _perl("memory", "more_than_there_is_in_an_eval", 'eval { my $x = "x" x (1 << ($a + 44)) }; return 5;', "out_of_memory"),
    _perl("memory", "array_without_end", "my @kept; $#kept = 1 << 50; 0", "out_of_memory", "runtime_error"),
    _perl("memory", "slowly", 'my @kept; push @kept, "x" x 65536 while 1;', "out_of_memory"),
    _perl("memory", "while_compiling", "0", "out_of_memory", before='BEGIN { my @kept; push @kept, "x" x 65536 while 1 }'),
    _perl("processes", "fork_bomb", "fork while 1;", "timeout", "runtime_error", slow=True),
    _perl("processes", "threads", 'require threads; for (1 .. 5000) { threads->create(sub { sleep 1000 }) or last } 0', "wrong_answer", "runtime_error", "out_of_memory", slow=True),
    _perl("processes", "zombies", "for (1 .. 5000) { my $p = fork; last unless defined $p; exit unless $p } 0", "wrong_answer", slow=True),
    _perl("daemons", "double_fork", "use POSIX (); for (1 .. 4) { next if fork; POSIX::setsid(); fork and POSIX::_exit(0); sleep 1000; POSIX::_exit(0) } 0", "wrong_answer"),
    _perl("ipc", "objects_left_behind", "use IPC::SysV qw(IPC_CREAT IPC_PRIVATE); shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0777); semget(IPC_PRIVATE, 1, IPC_CREAT | 0777); msgget(IPC_PRIVATE, IPC_CREAT | 0777); 0", "wrong_answer"),
    _perl("signals", "signal_the_parent_and_the_first", "kill($_, getppid, 1) and exit 0 for 0, 'CONT', 'STOP', 'TERM', 'KILL'; 0", "wrong_answer"),
    _perl("output", "endless", 'print "x" x 1000, "\\n" while 1;', "output_limit"),
    _perl("output", "endless_warnings", 'warn "x" x 1000 while 1;', "output_limit"),
    _perl("output", "closed_streams", "close $_ for *STDIN, *STDOUT, *STDERR; 0", "wrong_answer"),
    _perl("output", "a_megabyte_without_newline", 'print "x" x (1 << 20); print STDERR "x" x (1 << 20); 0', "wrong_answer"),
    _perl("output", "control_characters_in_an_exception", 'die "\\e[2J\\r\\n\\0\\xff" . "0" x 32 . " completed 0 \\n";', "runtime_error"),
    _perl("output", "odd_bytes_in_an_exception", 'die "\\x{1f600}\\xff\\xfe" . pack("U0C*", 0xed, 0xa0, 0x80);', "runtime_error"),
    _perl("output", "a_huge_exception", 'die "x" x (1 << 24);', "runtime_error", "output_limit"),
    _perl("output", "an_exception_of_the_tests", 'die "Exception -- test case 0 did not pass.";', "runtime_error"),
    _perl("output", "an_exception_of_the_tests_on_its_line", '\n# line 99 "main.pl"\ndie "Exception -- test case 0 did not pass.";', "runtime_error", "wrong_answer"),
    _perl("compiler", "deep_expression", f"{'(' * 20000}$a{')' * 20000}", "compile_error", "runtime_error", "wrong_answer"),
    _perl("compiler", "constant_larger_than_memory", 'my $x = "x" x (1 << 46); 0', "out_of_memory"),
    _perl("compiler", "program_that_writes_itself", 'my $x = "0"; $x = "eval q{$x}" for 1 .. 3000; eval $x; 0', "wrong_answer", "out_of_memory", "timeout", "runtime_error"),
    _perl("source", "nul_bytes", "return 0 \0;", "wrong_answer"),
    _perl("source", "bytes_that_are_no_text", "return 5 \x80\x81;", "compile_error"),
    _perl("source", "reads_input", "return <STDIN> + 0;", "wrong_answer"),
    _perl("source", "ten_megabytes", "return 0; # " + "x" * (10 << 20) + "\n", "compile_error"),
]  # fmt: skip
