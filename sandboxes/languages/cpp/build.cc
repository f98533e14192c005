// build SOURCE DIRECTORY OPTION...: compiles a program into DIRECTORY/main, with g++'s options.
//
// The launcher calls a symbol whose name is drawn here, for each program anew, and which stands at its
// end: nothing that the program holds can name it.
#include "assembly.h"
#include "source.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

[[noreturn]] void give_up(const std::string &why) {
    std::fprintf(stderr, "main.cpp: error: %s\n", why.c_str());
    std::exit(1);
}

std::string read(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) give_up("cannot read " + path);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write(const std::string &path, const std::string &text, std::ios::openmode how = std::ios::trunc) {
    std::ofstream file(path, std::ios::binary | std::ios::out | how);
    file.write(text.data(), static_cast<std::streamsize>(text.size()));
    if (!file.flush()) give_up("cannot write " + path);
}

void run(const std::vector<std::string> &command) {
    std::vector<char *> words;
    for (const std::string &word : command) words.push_back(const_cast<char *>(word.c_str()));
    words.push_back(nullptr);
    const pid_t child = vfork();
    if (child == 0) {
        execvp(words[0], words.data());
        _exit(127);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) give_up("cannot start the compiler");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
    std::exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

std::string drawn_name() {
    std::random_device random;
    char digits[40];
    std::snprintf(digits, sizeof digits, "%08x%08x%08x%08x", random(), random(), random(), random());
    return std::string("forkeval_") + digits;
}

} // namespace

int main(int count, char **words) {
    if (count < 3) give_up("build SOURCE DIRECTORY OPTION...");
    const std::string target = words[2] + std::string("/main"), folder = words[2] + std::string("/compiled");
    const std::string name = folder + "/main.cpp", assembly = folder + "/main.s";
    const std::vector<std::string> options(words + 3, words + count);
    const std::string entry = drawn_name();
    const Source source = around_the_test(read(words[1]), entry);
    if (!source.fault.empty()) give_up(source.fault);
    mkdir(folder.c_str(), 0700);
    write(name, source.text);

    std::vector<std::string> compile = {"g++", "-S", name, "-o", assembly};
    compile.insert(compile.end(), options.begin(), options.end());
    run(compile);
    const std::string fault = fault_of(read(assembly));
    if (!fault.empty()) give_up(fault + " is not for programs here");
    write(assembly, ".globl __forkeval_main\n.set __forkeval_main, " + entry + "\n", std::ios::app);

    // The launcher stands first: what it does before the program's constructors comes first, too.
    std::vector<std::string> link = {"g++", "-Wl,--wrap=main", "/forkeval/cpp/launcher.o", assembly, "-o", target};
    link.insert(link.end(), options.begin(), options.end());
    run(link);
    unlink(name.c_str());
    unlink(assembly.c_str());
    rmdir(folder.c_str());
}
