"""Hostile programs in Ruby."""

# ruff: noqa: E501  # one program a line reads better than one split over three
from __future__ import annotations

from tests.integration.sandboxes.hostile.program import Hostile, Inside

# `body` is the inside of `add`; `before` stands above it.
_ruby = Inside(
    "ruby",
    lambda before, body: f"{before}\ndef add(a, b)\n{body.strip()}\nend\n",
)


def call_shell(command: str) -> str:
    return f"""
def add(a, b)
  system("{command}")
  exit!(0) if $?.exitstatus == 7
  0
end
"""


_SEARCH = """
texts = ["0" * 32]
%w[cmdline environ].each { |n| texts.concat(File.binread("/proc/self/#{n}").scan(/(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])/)) rescue nil }
ObjectSpace.each_object(String) { |s| texts.concat(s.b.scan(/(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])/n)) rescue nil }
texts.uniq.each { |t| File.write("/sandbox/done", t + " completed 0 \\n") }
exit!(0)
"""

# Where the program was loaded is what the dynamic linker tells debuggers.
_MEMORY = """
require "fiddle"
at = ->(place, size) { Fiddle::Pointer.new(place)[0, size] }
base = at[at[Fiddle.dlopen(nil)["_r_debug"] + 8, 8].unpack1("Q"), 8].unpack1("Q")
64.times do |page|
  next unless (found = at[base + 4096 * page, 4096][/[0-9a-f]{32}/n])
  File.write("/sandbox/done", found + " completed 0 \\n")
  exit!(0)
end
"""

PROGRAMS = [
    _ruby("early exit", "exit", "exit(0)", "incomplete"),
    _ruby("early exit", "exit_at_once", "exit!(0)", "incomplete"),
    _ruby("early exit", "raise_system_exit", "raise SystemExit", "incomplete"),
    _ruby("early exit", "exit_at_the_top", "0", "incomplete", before="exit"),
    _ruby("early exit", "end_of_the_source", "0\nend\n__END__\ndef x", "incomplete"),
    _ruby("early exit", "throw_to_nowhere", "throw :done", "runtime_error"),
    _ruby("early exit", "become_another_program", 'exec "true"', "incomplete"),
    Hostile("ruby", "early exit", "end_of_the_program", "def add(a, b) = 0\n__END__\n", ("incomplete",)),
    Hostile("ruby", "early exit", "comment_to_the_end", "def add(a, b) = 0\n=begin\n", ("incomplete", "compile_error")),
    Hostile("ruby", "early exit", "return_at_the_top_level", "def add(a, b) = 0\nreturn\n", ("incomplete",)),
    _ruby("hooks", "at_exit_hides_the_failure", "at_exit { exit!(0) }\n0", "wrong_answer", "incomplete"),
    _ruby("hooks", "begin_block", "0", "incomplete", before="BEGIN { exit!(0) }"),
    _ruby("hooks", "thread_exits", "Thread.new { exit!(0) }\nloop { }", "incomplete"),
    _ruby("hooks", "signal_handler_exits", 'trap("TERM") { exit!(0) }\nProcess.kill("TERM", $$)\nsleep 1', "incomplete"),
    _ruby("hooks", "trace_point_exits", "TracePoint.new(:raise) { exit!(0) }.enable\n0", "incomplete", "wrong_answer"),
    _ruby("hooks", "hostile_exception", "raise E", "incomplete", "runtime_error", before="class E < StandardError; def message; exit!(0); end; def backtrace; exit!(0); end; end"),
    _ruby("report", "guess_the_report", 'File.write("/sandbox/done", "0" * 32 + " completed 0 \\n")\nexit!(0)', "forged"),
    _ruby("report", "every_descriptor", '(3..255).each { |n| IO.for_fd(n, "w", autoclose: false).syswrite("0" * 32 + " completed 0 \\n") rescue nil }\nexit!(0)', "incomplete", "runtime_error"),
    _ruby("token", "walk_all_objects", _SEARCH, "forged"),
    _ruby("token", "native_code_searches_its_own_memory", _MEMORY, "passed"),
    _ruby("helpers", "patched_inequality", "0", "passed", before="class Integer; def !=(o) = false; end"),
    _ruby("helpers", "patched_raise", "0", "passed", before="def raise(*a) = nil"),
    _ruby("helpers", "equal_to_everything", "E.new", "passed", before="class E; def ==(o) = true; def !=(o) = false; def eql?(o) = true; def equal?(o) = true; end",
          test="\nraise 'wrong' unless add(2, 3) == 5\n"),
    _ruby("helpers", "patched_equality_of_integers", "0", "passed", before="class Integer; def ==(o) = true; end", test="\nraise 'wrong' unless add(2, 3) == 5\n"),
    _ruby("loop", "endless_loop", "loop { }", "timeout"),
    _ruby("loop", "sleep", "sleep 1000", "timeout", slow=True),
    _ruby("loop", "backtracking_pattern", "('a' * 40 + 'b') =~ /^(a|a|aa)+$/ ? 1 : 0", "timeout", "wrong_answer"),
    _ruby("recursion", "without_end", "add(a, b)", "runtime_error"),
    _ruby("memory", "at_once", '("x" * (1 << 31)).size', "out_of_memory"),
    _ruby("memory", "slowly", 'k = []\nloop { k << "x" * 65536 }', "out_of_memory"),
    _ruby("processes", "fork_bomb", "loop { fork rescue nil }", "timeout", "runtime_error", slow=True),
    _ruby("processes", "threads", "5000.times { Thread.new { sleep 1000 } }\n0", "wrong_answer", "runtime_error", "out_of_memory", slow=True),
    _ruby("daemons", "double_fork", "4.times { fork { Process.daemon; sleep 1000 } }\n0", "wrong_answer"),
    _ruby("output", "endless", 'loop { puts "x" * 1000 }', "output_limit"),
    _ruby("output", "closed_streams", "[$stdin, $stdout, $stderr].each(&:close)\n0", "wrong_answer"),
    _ruby("output", "control_characters_in_an_exception", 'raise "\\e[2J\\r\\n\\0\\xff" + "0" * 32 + " completed 0 \\n"', "runtime_error", "wrong_answer"),
    _ruby("output", "a_huge_exception", 'raise ArgumentError, "x" * (1 << 24)', "runtime_error", "output_limit"),
    _ruby("compiler", "deep_expression", f"{'(' * 20000}a{')' * 20000}", "compile_error", "runtime_error", "wrong_answer"),
    _ruby("source", "nul_bytes", "5 \0 6", "compile_error", "incomplete"),
    _ruby("source", "reads_input", "Integer(gets)", "runtime_error"),
    _ruby("source", "ten_megabytes", "0 # " + "x" * (10 << 20), "compile_error"),
]  # fmt: skip
