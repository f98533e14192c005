// Text of the program stands in the compiler's assembly: `asm`, symbols, names of sections. There it
// could leave out the test's code, take its symbol's place, or run before the launcher. So only what
// g++ itself writes for C++ is let through: its directives, and instructions, which are the program's
// own business. What is not sure to be read as the assembler reads it is refused.
#include "assembly.h"

#include <cctype>
#include <set>
#include <string_view>
#include <vector>

namespace {

using std::string_view;

const std::set<string_view> DIRECTIVES = {
    ".file",   ".ident",  ".text",    ".data",    ".bss",     ".section", ".globl",  ".weak",  ".weakref",
    ".hidden", ".local",  ".comm",    ".type",    ".size",    ".align",   ".balign", ".p2align", ".set",
    ".string", ".ascii",  ".byte",    ".value",   ".hword",   ".2byte",   ".long",   ".word",  ".4byte",
    ".quad",   ".xword",  ".8byte",   ".zero",    ".uleb128", ".sleb128", ".arch",   ".internal", ".protected",
};
const std::set<string_view> TYPES = {
    "function", "object", "tls_object", "gnu_unique_object", "notype", // of symbols: no resolver
    "progbits", "nobits", "init_array", "fini_array", "note",          // of sections
};
// Beginnings of the names of sections that the loader or the linker takes orders from.
const std::vector<string_view> SECTIONS = {
    ".preinit_array", ".interp", ".dynamic", ".gnu.lto", ".got", ".plt", ".rel",
};

bool of_word(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return std::isalnum(byte) || c == '_' || c == '.' || c == '$' || byte >= 0x80;
}

bool begins(string_view text, string_view with) { return text.substr(0, with.size()) == with; }

string_view trimmed(string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
    return text;
}

string_view word_of(string_view text) {
    size_t size = 0;
    while (size < text.size() && of_word(text[size])) size++;
    return text.substr(0, size);
}

// Names that C++ keeps for the compiler and its libraries; _Z begins those of a program's own.
bool reserved(string_view name) {
    return begins(name, "__") || (name.size() > 1 && name[0] == '_' && std::isupper(name[1]) && name[1] != 'Z');
}

// What the statements so far said of reserved names: g++ makes some global that it only calls.
struct Names {
    std::set<string_view> global, defined;
};

std::string fault_of_directive(string_view name, string_view operands, Names &names) {
    if (begins(name, ".cfi_")) return "";
    if (!DIRECTIVES.count(name)) return "the assembler's directive " + std::string(name);
    const bool global = name == ".globl" || name == ".weak" || name == ".comm";
    const bool defined = name == ".set" || name == ".comm";
    const bool section = name == ".section", type = name == ".type";
    const string_view what = word_of(operands);
    if ((global || defined || section || type) && what.empty()) return "a name in quotation marks";
    if (global && reserved(what)) names.global.insert(what);
    if (defined && reserved(what)) names.defined.insert(what);
    if (!section && !type) return "";
    for (string_view one : SECTIONS)
        if (section && begins(what, one)) return "the section " + std::string(what);
    bool typed = section;
    for (size_t at = operands.find(','); at != string_view::npos; at = operands.find(',', at + 1)) {
        const string_view rest = trimmed(operands.substr(at + 1));
        if (rest.empty() || (rest[0] != '@' && rest[0] != '%')) continue;
        if (!TYPES.count(word_of(rest.substr(1)))) return "a symbol that is resolved while the program is loaded";
        typed = true;
    }
    return typed ? "" : "a symbol of an unknown type";
}

std::string fault_of_statement(string_view text, Names &names) {
    for (;;) {
        text = trimmed(text);
        const string_view word = word_of(text);
        if (word.empty()) return begins(text, "\"") ? "a name in quotation marks" : "";
        const string_view rest = text.substr(word.size());
        if (begins(rest, ":")) { // a label
            if (reserved(word)) names.defined.insert(word);
            text = rest.substr(1);
            continue;
        }
        if (word[0] == '.') return fault_of_directive(word, trimmed(rest), names);
        return begins(trimmed(rest), "=") ? "the assembler's assignment" : "";
    }
}

} // namespace

std::string fault_of(const std::string &assembly) {
    bool quoted = false, comment = false;
    Names names;
    size_t start = 0;
    for (size_t i = 0; i < assembly.size(); i++) {
        const char c = assembly[i];
        const bool line_start = i == 0 || assembly[i - 1] == '\n';
        if (comment) {
            if (c == '\n') comment = false, start = i + 1;
        } else if (quoted) {
            if (c == '\\') i++;
            else if (c == '"') quoted = false;
            else if (c == '\n') return "a text of several lines in assembly";
        } else if (c == '"') {
            quoted = true;
        } else if (c == '#' && line_start) {
            comment = true;
        } else if (c == '\'' || (c == '/' && assembly[i + 1] == '*') || c == '\0' || c == '\r') {
            return "a character or a comment in assembly";
        } else if (c == ';' || c == '\n') {
            const string_view statement = string_view(assembly).substr(start, i - start);
            if (const std::string fault = fault_of_statement(statement, names); !fault.empty()) return fault;
            start = i + 1;
        }
    }
    for (string_view name : names.defined)
        if (names.global.count(name)) return "a definition of " + std::string(name);
    return start == assembly.size() ? "" : "a statement without an end in assembly";
}
