// Linked into every program (`--wrap=main`): calls its main and reports how it ended. Which function
// that is, build.cc says.
#include "linked.h"

#include <cxxabi.h>
#include <exception>
#include <typeinfo>

extern "C" int __forkeval_main(int, char **, char **);

namespace {

std::terminate_handler printing;

// An exception that nothing catches ends here, with its stack not unwound, as without a launcher.
void on_terminate() {
    if (const std::type_info *type = abi::__cxa_current_exception_type()) {
        int failed = 0;
        const char *plain = abi::__cxa_demangle(type->name(), nullptr, nullptr, &failed);
        const char *name = failed ? type->name() : plain;
        try {
            throw;
        } catch (const std::exception &error) {
            linked_report("raised 0 ", name, error.what());
        } catch (...) {
            linked_report("raised 0 ", name, "");
        }
    }
    printing(); // says so on standard error, and aborts
}

void prepare(int, char **, char **) {
    linked_arm();
    printing = std::set_terminate(on_terminate);
}

using Start = void (*)(int, char **, char **);
[[gnu::section(".preinit_array"), gnu::used]] const Start start = prepare;

} // namespace

extern "C" int __wrap_main(int argc, char **argv, char **environment) {
    int status = __forkeval_main(argc, argv, environment);
    if (status == 0) linked_report("completed 0 ", "", "");
    return status;
}
