/* Linked into every program (`--wrap=main`): reports that its main ran to its end. A program that
 * traps reports nothing; the runtime says on standard error why it does. */
#include "linked.h"

int __real_main(int, char **);

static void prepare(int argc, char **argv, char **environment) {
    (void)argc, (void)argv, (void)environment;
    linked_arm();
}

__attribute__((section(".preinit_array"), used)) static void (*const start)(int, char **, char **) =
    prepare;

int __wrap_main(int argc, char **argv) {
    int status = __real_main(argc, argv);
    if (status == 0) linked_report("completed 0 ", "", "");
    return status;
}
