"""Hostile programs in C++ that take the test apart before it runs, or its `main` from it."""

# ruff: noqa: E501  # one program a line reads better than one split over three
from __future__ import annotations

from tests.integration.sandboxes.hostile.program import Hostile

_START = "#include <bits/stdc++.h>\nusing namespace std;\nint add(int a, int b) { return 0; }\n"
_OWN = "int main() { return 0; }\n"

# Tests that hold what ends a comment or a raw string.
_COMMENTED = '\nint main() {\n/* the sum */ if (add(2, 3) != 5) throw runtime_error("Exception -- test case 0 did not pass.");\n}\n'
_TEXTUAL = '\nint main() {\nstring text = ")"; if (add(2, 3) != 5) throw runtime_error("Exception -- test case 0 did not pass.");\n}\n'


def _early(name: str, text: str, *verdicts: str, test: str = "", slow: bool = False) -> Hostile:
    return Hostile("cpp", "early exit", name, _START + text, verdicts, test, slow)


PROGRAMS = [
    # macros
    _early("rename_the_tests_main", _OWN + "#define main other\n", "compile_error"),
    _early("define_away_what_the_test_does", "#define if(x) if (0)\n", "compile_error"),
    _early("define_compare", "#define compare(a, b) true\n", "compile_error", slow=True),
    _early("return_in_a_macro", "#define add(a, b) ({ return 0; 0; })\n", "compile_error"),
    _early("return_in_a_macro_on_two_lines", "%:de\\\nfine/**/\\\n add(a, b) ({ return 0; 0; })\n", "compile_error"),
    _early("main_ends_in_a_macro", "#define argc a, char **b) { return 0; } int other(int argc\n", "compile_error", slow=True),
    _early("macro_that_is_gone", '#define add(a, b) ({ return 0; 0; })\n#pragma push_macro("add")\n#undef add\n', "wrong_answer", slow=True),
    _early("another_line_number", '#line 1 "other.cpp"\n', "wrong_answer", slow=True),
    # comments and texts
    _early("own_main_and_a_comment", _OWN + "/*\n", "compile_error"),
    _early("own_main_and_a_condition", _OWN + "#if 0\n", "compile_error"),
    _early("own_main_and_a_text", _OWN + 'const char *x = R"(\n', "compile_error"),
    _early("comment_over_the_beginning", _OWN + "void rest() {\n/*", "compile_error", test=_COMMENTED),
    _early("text_over_the_beginning", _OWN + 'void rest() { string x = R"(', "compile_error", test=_TEXTUAL),
    _early("text_begun_on_two_lines", _OWN + 'void rest() { string x = R\\\n"(', "compile_error", test=_TEXTUAL, slow=True),
    _early("comment_with_a_trigraph", _OWN + "/??/\n*", "compile_error", slow=True),
    _early("comment_that_goes_on", "// \\", "wrong_answer", slow=True),
    _early("own_lines_around_a_test", _OWN + "// forkeval: the test begins\n// forkeval: the test ends\n", "compile_error", slow=True),
    _early("includes_the_test", "#ifndef X\n#define X\nint main(int, char **);\nnamespace other {\n#include __FILE__\n}\n#endif\n", "compile_error", slow=True),
    # which function is main
    _early("another_main_by_pragma", '#pragma redefine_extname main other\nextern "C" int own() asm("main");\nextern "C" int own() { return 0; }\n', "compile_error", "wrong_answer", slow=True),
    _early("another_main_by_label", 'int main(int, char **) asm("other");\nextern "C" int own() asm("main");\nextern "C" int own() { return 0; }\n', "wrong_answer"),
    _early("another_main_by_alias", 'extern "C" int own(int, char **) { return 0; }\nint main(int, char **) __attribute__((alias("own")));\n', "compile_error", slow=True),
    _early("another_main_by_using", "namespace other { int main(int, char **, char **) { return 0; } }\nusing other::main;\n", "compile_error"),
    _early("another_real_main", 'extern "C" int __forkeval_main(int, char **, char **) { return 0; }\n', "compile_error"),
    _early("weak_main", "int main(int, char **) __attribute__((weak));\n", "wrong_answer", slow=True),
    _early("main_in_a_namespace", _OWN + "namespace other {\n", "compile_error", slow=True),
    _early("attribute_for_the_test", _OWN + '__attribute__((weak, alias("main")))', "compile_error", "wrong_answer", test=_COMMENTED, slow=True),
    # assembly
    _early("another_main_in_assembly", 'asm(".weak main; main: xorl %eax, %eax; ret");\n', "compile_error", slow=True),
    _early("another_main_by_label_in_assembly", 'int main(int, char **) asm("other");\nasm(".globl main; main: xorl %eax, %eax; ret");\n', "wrong_answer", slow=True),
    _early("assembly_ends_before_the_test", 'asm(".globl main; main: xorl %eax, %eax; ret; .end");\n', "compile_error", slow=True),
    _early("assembly_leaves_the_test_out", 'asm(".globl main; main: xorl %eax, %eax; ret; .if 0");\nint main(int, char **);\nauto first = main;\nasm(".endif");\n', "compile_error"),
    _early("assembly_in_a_label", 'int own() asm("own\\n.if 0\\n#");\nint own() { return 0; }\nint main(int, char **);\nauto first = main;\nasm(".endif");\n', "compile_error", slow=True),
    _early("assembly_in_a_section", '__attribute__((section(".text\\n.macro leave\\nxorl %eax, %eax\\n.endm\\n#"))) int own() { return 0; }\n', "compile_error", slow=True),
    _early("assembly_hidden_in_a_text", 'asm(".byte \'\\"; .end #\\"");\n', "compile_error", slow=True),
    # what the test calls to fail
    _early("throw_that_returns", 'extern "C" void __cxa_throw(void *, void *, void (*)(void *)) { }\n', "compile_error"),
    _early("throw_by_label", 'void own(void *, void *, void (*)(void *)) asm("__cxa_throw");\nvoid own(void *, void *, void (*)(void *)) { }\n', "compile_error", slow=True),
    _early("throw_in_quotation_marks", 'void own() asm("\\"__cxa_throw\\"");\nvoid own() { }\n', "compile_error", slow=True),
    _early("throw_by_assembly", 'extern "C" void own() { }\nasm(".globl __cxa_throw; .set __cxa_throw, own");\n', "compile_error", slow=True),
    _early("own_unwinder", 'extern "C" int _Unwind_RaiseException(void *) { return 0; }\n', "compile_error", slow=True),
]  # fmt: skip
