/* The container's own control group, read where Docker mounts it (v1: one folder a controller). */
#include "runner.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int cpu = -1, memory = -1, oom = -1;
static bool v2;

static int open_in(const char *root, const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

void meter_open(const char *root) {
    int controllers = open_in(root, "cgroup.controllers");
    v2 = controllers >= 0;
    if (v2) close(controllers);
    cpu = open_in(root, v2 ? "cpu.stat" : "cpuacct/cpuacct.usage");
    if (cpu < 0 && !v2) cpu = open_in(root, "cpu,cpuacct/cpuacct.usage");
    memory = open_in(root, v2 ? "memory.current" : "memory/memory.usage_in_bytes");
    oom = open_in(root, v2 ? "memory.events" : "memory/memory.oom_control");
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

void meter_print(const char *root) {
    meter_open(root);
    printf("cgroup=%s\ncpu_us=%" PRId64 "\nmemory=%" PRId64 "\noom_kills=%" PRId64 "\n",
           meter_kind(), meter_cpu_us(), meter_memory(), meter_oom_kills());
}

int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
