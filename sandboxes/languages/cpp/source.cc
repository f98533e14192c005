// A program can take its test apart before the compiler sees it: make a comment or a text of its
// beginning, or put macros in place of its words. Here the test is found where the pool put it, not
// where the preprocessor does, and what would do that stops the compiler.
#include "source.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <set>
#include <vector>

namespace {

const std::string START = "// forkeval: the test begins";
const std::string END = "// forkeval: the test ends";

// The words of what `assert` becomes: a test that uses it is written in them, too.
const std::vector<std::string> ASSERTED = {
    "main", "void", "bool", "static_cast", "__assert_fail", "__extension__", "__FILE__", "__LINE__", "__PRETTY_FUNCTION__",
};
// The words of what is added here.
const std::vector<std::string> ADDED = {"main", "extern", "int", "char", "auto", "return", "reinterpret_cast"};
// No macro can have these names, and the preprocessor does not even let one ask.
const std::vector<std::string> OPERATORS = {
    "and", "and_eq", "bitand", "bitor",  "compl",       "defined",       "not",
    "or",  "or_eq",  "not_eq", "xor",    "xor_eq",      "__VA_ARGS__",   "__VA_OPT__",
};

bool blank(char c) { return std::isspace(static_cast<unsigned char>(c)); }

bool of_word(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return std::isalnum(byte) || c == '_' || c == '$' || byte >= 0x80;
}

// Lines that end in a backslash joined to the next, as the compiler does first.
std::string spliced(const std::string &text) {
    std::string out;
    out.reserve(text.size());
    for (size_t i = 0; i < text.size(); i++) {
        if (text[i] == '\\') {
            size_t next = i + 1;
            while (next < text.size() && text[next] != '\n' && blank(text[next])) next++;
            if (next < text.size() && text[next] == '\n') {
                i = next;
                continue;
            }
        }
        out += text[i];
    }
    return out;
}

// Past a quoted text or character that begins here.
size_t past_quoted(const std::string &text, size_t at) {
    const char quote = text[at++];
    while (at < text.size() && text[at] != quote) at += text[at] == '\\' ? 2 : 1;
    return at + 1;
}

// The words of a test: of its quoted texts, too, where one of them is raw.
std::set<std::string> words(const std::string &text) {
    const bool raw = text.find("R\"") != std::string::npos;
    std::set<std::string> found;
    for (size_t i = 0; i < text.size();) {
        const size_t start = i;
        while (i < text.size() && of_word(text[i])) i++;
        if (i > start) found.insert(text.substr(start, i - start)); // numbers are no macro's name
        else i = text[i] == '"' && !raw ? past_quoted(text, i) : i + 1;
    }
    for (const std::string &word : OPERATORS) found.erase(word);
    return found;
}

// Past blanks and comments; in what is no code it may go too far, which costs nothing.
size_t past_blanks(const std::string &text, size_t at) {
    while (at < text.size()) {
        if (text.compare(at, 2, "/*") == 0) {
            size_t end = text.find("*/", at + 2);
            at = end == std::string::npos ? text.size() : end + 2;
        } else if (text[at] != '\n' && blank(text[at])) {
            at++;
        } else {
            break;
        }
    }
    return at;
}

// The words that stand after "define", wherever that is: more than the macros, never less.
std::set<std::string> macros(const std::string &program) {
    const std::string define = "define";
    std::set<std::string> found;
    size_t at = 0;
    while ((at = program.find(define, at)) != std::string::npos) {
        at += define.size();
        const size_t start = past_blanks(program, at);
        size_t end = start;
        while (end < program.size() && of_word(program[end])) end++;
        if (end > start && !std::isdigit(static_cast<unsigned char>(program[start])))
            found.insert(program.substr(start, end - start));
    }
    return found;
}

// Whether a raw string may be open at the end: something that looks like one's beginning has no end.
bool open_raw_string(const std::string &program) {
    const std::string begin = "R\"";
    for (size_t at = program.find(begin); at != std::string::npos; at = program.find(begin, at + 1)) {
        size_t paren = program.find('(', at);
        if (paren == std::string::npos || paren - at - 2 > 16) continue;
        const std::string end = ")" + program.substr(at + 2, paren - at - 2) + "\"";
        if (end.find_first_of(" \t\v\f\n\\)", 1) != std::string::npos) continue; // none of C++
        if (program.find(end, paren) == std::string::npos) return true;
    }
    return false;
}

// `auto` has no answer where a `using` brought a second main that the call could mean.
std::string call_of_main(const std::string &entry) {
    const std::string at = "at_" + entry, c = "c_" + entry, v = "v_" + entry, e = "e_" + entry;
    std::string undefined;
    for (const std::string &word : ADDED) undefined += "#undef " + word + "\n";
    return "\n\n" + undefined + "#pragma GCC diagnostic ignored \"-Wpedantic\"\n"
           "extern \"C\" int " + entry + "(int " + c + ", char **" + v + ", char **" + e + ") {\n"
           "auto " + at + " = &::main;\n"
           "return reinterpret_cast<int (*)(int, char **, char **)>(" + at + ")"
           "(" + c + ", " + v + ", " + e + ");\n"
           "}\n";
}

std::string guard(const std::set<std::string> &names) {
    std::string any;
    for (const std::string &name : names) any += (any.empty() ? "#if defined " : " || defined ") + name;
    if (any.empty()) return "";
    return any + "\n#error \"a macro replaces what the test is written in\"\n#endif\n";
}

} // namespace

Source around_the_test(const std::string &program, const std::string &entry) {
    const std::string start = "\n" + START + "\n", end = "\n" + END + "\n";
    const size_t last = program.size() < end.size() ? 0 : program.size() - end.size();
    const bool tested = program.compare(last, std::string::npos, end) == 0;
    const size_t begin = tested ? program.rfind(start, last) : std::string::npos;
    if (begin == std::string::npos) return {program + call_of_main(entry), ""};
    const std::string before = spliced(program.substr(0, begin));
    const std::string test = program.substr(begin + start.size(), last - begin - start.size());
    if (open_raw_string(before)) return {"", "a raw string is open where the test begins"};

    std::set<std::string> wanted = words(test), both;
    wanted.insert(ASSERTED.begin(), ASSERTED.end());
    const std::set<std::string> defined = macros(before);
    std::set_intersection(
        wanted.begin(), wanted.end(), defined.begin(), defined.end(), std::inserter(both, both.end()));
    // The empty line is for a backslash. The next one is a comment, and an error within another one.
    // The semicolon ends an attribute that would be the test's.
    return {program.substr(0, begin) + "\n\n//*/ @ a comment is open where the test begins\n" + guard(both)
                + ";\n" + test + call_of_main(entry),
            ""};
}
