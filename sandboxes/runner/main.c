/* The loop of PID 1: read a job, make its directory, compile, run, answer, wipe. */
#define _GNU_SOURCE
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct job {
    struct bytes compile, run, warm_compile, warm_run, nonce, input;
    int64_t compile_us, wall_us, cpu_us;
    size_t keep, most;
    unsigned long processes;
    bool fresh;
};

static uid_t job_uid;

char **split(const struct bytes *b) {
    size_t count = 0;
    for (size_t i = 0; i < b->size; i++) count += !b->data[i];
    char **words = calloc(count + 1, sizeof *words);
    if (!words) die("out of memory");
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (!(words[i] = strdup(b->data + at))) die("out of memory");
        at += strlen(words[i]) + 1;
    }
    return words;
}

void split_free(char **words) {
    for (char **w = words; *w; w++) free(*w);
    free(words);
}

static void make_dir(const char *path, uid_t owner, mode_t mode) {
    if (mkdir(path, 0700) && errno != EEXIST) die(path);
    if (chmod(path, mode) || chown(path, owner, owner)) die(path);
}

/* `field` is the name, a NUL, and the content. Written with the owner's rights, into a directory
 * that is fresh: no link of anybody's can be in the way. */
static void write_file(const char *dir, uid_t owner, const struct bytes *field) {
    char path[512];
    const char *name = field->data;
    size_t skip = strlen(name) + 1;
    if (strchr(name, '/') || skip > field->size) die("file name");
    snprintf(path, sizeof path, "%s/%s", dir, name);
    setfsgid(owner);
    setfsuid(owner);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    size_t size = field->size - skip;
    bool done = fd >= 0;
    for (size_t at = 0; done && at < size;) {
        ssize_t n = write(fd, field->data + skip + at, size - at);
        if (n < 0 && errno == EINTR) continue;
        done = n > 0;
        if (done) at += (size_t)n;
    }
    if (fd >= 0) close(fd);
    setfsuid(0);
    setfsgid(0);
    if (!done) die(path); /* the pool checks sizes against the disk limit before it sends */
}

static bool read_job(struct job *j) {
    static struct bytes field;
    struct bytes *plain[] = {&j->compile, &j->run, &j->warm_compile, &j->warm_run,
                             &j->nonce,   &j->input};
    static const char tags[] = "CRcrNI";
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) bytes_clear(plain[i]);
    j->fresh = false;
    for (;;) {
        char tag;
        if (!field_read(&tag, &field)) return false;
        const char *at = strchr(tags, tag);
        if (tag == '.') return true;
        if (at && tag)
            bytes_add(plain[at - tags], field.data, field.size);
        else if (tag == 'F')
            write_file(JOB_DIR, job_uid, &field);
        else if (tag == 'B')
            write_file(BUILD_DIR, COMPILER_UID, &field);
        else if (tag == 'X')
            j->fresh = true;
        else if (tag == 'L') {
            if (sscanf(field.data, "%" SCNd64 " %" SCNd64 " %" SCNd64 " %zu %zu %lu",
                       &j->compile_us, &j->wall_us, &j->cpu_us, &j->keep, &j->most,
                       &j->processes) != 6)
                die("limits");
        } else
            die("unknown field");
    }
}

static int open_input(const struct bytes *input) {
    if (!input->size) return open("/dev/null", O_RDONLY | O_CLOEXEC);
    int fd = open("/sandbox", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, input->data, input->size) != (ssize_t)input->size) die("input");
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static void answer(const char *stage, const struct outcome *o, int64_t compile_us, bool clean) {
    char text[512];
    int code = WIFEXITED(o->status) ? WEXITSTATUS(o->status) : -1;
    int killed = WIFSIGNALED(o->status) ? WTERMSIG(o->status) : 0;
    int size = snprintf(
        text, sizeof text,
        "stage=%s\nexit=%d\nsignal=%d\nexec_error=%d\ntimeout_cpu=%d\ntimeout_wall=%d\n"
        "output_limit=%d\noom_kills=%" PRId64 "\nservice_died=%d\nclean=%d\ncompile_us=%" PRId64
        "\ncpu_us=%" PRId64 "\nwall_us=%" PRId64 "\npeak_memory=%" PRId64 "\n",
        stage, code, killed, o->exec_error, o->timeout_cpu, o->timeout_wall, o->output_limit,
        o->oom_kills, o->service_died, clean, compile_us, o->cpu_us, o->wall_us, o->peak_memory);
    field_write('s', text, (size_t)size);
    field_write('o', o->out.data, o->out.size);
    field_write('e', o->err.data, o->err.size);
    field_write('t', o->report.data, o->report.size);
    message_end();
}

static void reset(struct outcome *o) {
    struct bytes out = o->out, err = o->err, report = o->report;
    bytes_clear(&out);
    bytes_clear(&err);
    bytes_clear(&report);
    *o = (struct outcome){.out = out, .err = err, .report = report};
}

static void do_job(const struct job *j) {
    static struct outcome o;
    const char *stage = "compile";
    char **argv = NULL;
    struct command c = {.uid = job_uid, .in = open_input(&j->input)};
    int64_t compile_us = 0;
    bool go = true;
    reset(&o);
    if (j->compile.size || j->warm_compile.size) {
        struct limits l = {.wall_us = j->compile_us,
                           .keep = j->keep,
                           .most = j->most,
                           .processes = j->processes};
        argv = split(&j->compile);
        c.argv = argv;
        if (j->warm_compile.size) {
            c.compiler = &compiler;
            go = service_want(&compiler, &j->warm_compile, COMPILER_UID, j->fresh);
        }
        o.service_died = !go;
        if (go) stage_run(&c, &l, &o);
        split_free(argv);
        c.compiler = NULL;
        compile_us = o.wall_us;
        go = go && WIFEXITED(o.status) && !WEXITSTATUS(o.status) && !o.exec_error && !o.stuck &&
             !o.timeout_wall && !o.output_limit && !o.service_died && !o.oom_kills;
    }
    if (go) {
        struct limits l = {j->wall_us, j->cpu_us, j->keep, j->most, j->processes};
        int64_t compile_cpu = o.cpu_us, peak = o.peak_memory;
        stage = "run";
        reset(&o);
        o.cpu_us = compile_cpu;
        o.peak_memory = peak;
        argv = split(&j->run);
        c.argv = argv;
        c.nonce = &j->nonce;
        if (j->warm_run.size) {
            c.fork_from = &interpreter;
            go = service_want(&interpreter, &j->warm_run, 0, j->fresh);
        }
        o.service_died = !go;
        if (go) stage_run(&c, &l, &o);
        split_free(argv);
    }
    close(c.in);
    bool clean = !o.stuck && wipe(job_uid);
    if (j->warm_compile.size) clean &= wipe(COMPILER_UID);
    clean &= rmdir(JOB_DIR) == 0;
    answer(stage, &o, compile_us, clean);
}

int main(int argc, char **argv) {
    static struct job j;
    char hello[64];
    if (argc == 3 && !strcmp(argv[1], "--meter")) {
        meter_print(argv[2]);
        return 0;
    }
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_DUMPABLE, 0); /* no other user could read it anyway; this also stops its own */
    filter_install();
    umask(022);
    if (chmod("/sandbox", 0711)) die("/sandbox");
    if (mkfifo(REPORT_FIFO, 0600) || chmod(REPORT_FIFO, 0622)) die(REPORT_FIFO);
    meter_open("/sys/fs/cgroup");
    report_open();
    make_dir(BUILD_DIR, COMPILER_UID, 0755);
    int size = snprintf(hello, sizeof hello, "ready=1\ncgroup=%s\n", meter_kind());
    field_write('s', hello, (size_t)size);
    message_end();
    for (;;) {
        uint32_t drawn;
        if (getrandom(&drawn, sizeof drawn, 0) != sizeof drawn) die("getrandom");
        job_uid = FIRST_JOB_UID + drawn % JOB_UIDS;
        make_dir(JOB_DIR, job_uid, 0700);
        if (!read_job(&j)) return 0; /* the pool went away, and with PID 1 goes everything here */
        do_job(&j);
    }
}
