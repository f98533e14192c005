/* The container's own control group, read where Docker mounts it (v1: one folder a controller). */
#include "runner.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int cpu = -1, memory = -1, oom = -1;
static bool v2;

static int first_of(const char *const *paths) {
    for (; *paths; paths++) {
        int fd = open(*paths, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) return fd;
    }
    return -1;
}

void meter_open(void) {
    static const char *const cpu1[] = {"/sys/fs/cgroup/cpuacct/cpuacct.usage",
                                       "/sys/fs/cgroup/cpu,cpuacct/cpuacct.usage", NULL};
    static const char *const memory1[] = {"/sys/fs/cgroup/memory/memory.usage_in_bytes", NULL};
    static const char *const oom1[] = {"/sys/fs/cgroup/memory/memory.oom_control", NULL};
    static const char *const cpu2[] = {"/sys/fs/cgroup/cpu.stat", NULL};
    static const char *const memory2[] = {"/sys/fs/cgroup/memory.current", NULL};
    static const char *const oom2[] = {"/sys/fs/cgroup/memory.events", NULL};
    v2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
    cpu = first_of(v2 ? cpu2 : cpu1);
    memory = first_of(v2 ? memory2 : memory1);
    oom = first_of(v2 ? oom2 : oom1);
}

const char *meter_kind(void) { return cpu < 0 ? "none" : v2 ? "v2" : "v1"; }

/* The number after `name` in the file, or its first number where `name` is empty; -1 on failure. */
static int64_t number(int fd, const char *name) {
    char text[1024];
    ssize_t size = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);
    if (size <= 0) return -1;
    text[size] = 0;
    size_t length = strlen(name);
    for (char *line = text; line; line = strchr(line, '\n')) {
        if (*line == '\n') line++;
        if (!strncmp(line, name, length) && (!length || line[length] == ' '))
            return strtoll(line + length, NULL, 10);
    }
    return -1;
}

int64_t meter_cpu_us(void) {
    if (v2) return number(cpu, "usage_usec");
    int64_t ns = number(cpu, "");
    return ns < 0 ? -1 : ns / 1000;
}

int64_t meter_memory(void) { return number(memory, ""); }
int64_t meter_oom_kills(void) { return number(oom, "oom_kill"); }

int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
