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
    struct bytes compile, run, warm_compile, warm_run, judge, warm_judge, nonce, input;
    int64_t compile_us, wall_us, cpu_us;
    size_t keep, most;
    unsigned long processes;
    bool fresh;
};

static uid_t job_uid, judge_uid;

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
    struct bytes *plain[] = {&j->compile, &j->run,        &j->warm_compile, &j->warm_run,
                             &j->judge,   &j->warm_judge, &j->nonce,        &j->input};
    static const char tags[] = "CRcrJjNI";
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) bytes_clear(plain[i]);
    j->fresh = false;
    for (;;) {
        char tag;
        if (!field_read(&tag, &field)) return false;
        const char *at = strchr(tags, tag);
        if (tag == '.') return true;
        if (at && tag) {
            bytes_add(plain[at - tags], field.data, field.size);
            if (tag == 'J') make_dir(JUDGE_DIR, judge_uid, 0700);
        } else if (tag == 'F')
            write_file(JOB_DIR, job_uid, &field);
        else if (tag == 'B')
            write_file(BUILD_DIR, COMPILER_UID, &field);
        else if (tag == 'K') /* its command comes before, and makes the folder */
            write_file(JUDGE_DIR, judge_uid, &field);
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

/* What decides is how the last party ended: the judge, where there is one. */
static void answer(const char *stage, const struct outcome *o, bool judged, int64_t compile_us,
                   bool clean) {
    char text[768];
    const struct ending *last = &o->of[judged ? JUDGE : PROGRAM], *program = &o->of[PROGRAM];
    int code = WIFEXITED(last->status) ? WEXITSTATUS(last->status) : -1;
    int killed = WIFSIGNALED(last->status) ? WTERMSIG(last->status) : 0;
    int size = snprintf(
        text, sizeof text,
        "stage=%s\nexit=%d\nsignal=%d\nexec_error=%d\ntimeout_cpu=%d\ntimeout_wall=%d\n"
        "output_limit=%d\noom_kills=%" PRId64 "\nservice_died=%d\nclean=%d\ncompile_us=%" PRId64
        "\ncpu_us=%" PRId64 "\nwall_us=%" PRId64 "\npeak_memory=%" PRId64
        "\nprogram_exit=%d\nprogram_signal=%d\n",
        stage, code, killed, program->exec_error ? program->exec_error : last->exec_error,
        o->timeout_cpu, o->timeout_wall, o->output_limit, o->oom_kills, o->service_died, clean,
        compile_us, o->cpu_us, o->wall_us, o->peak_memory,
        program->ended && WIFEXITED(program->status) ? WEXITSTATUS(program->status) : -1,
        program->ended && WIFSIGNALED(program->status) ? WTERMSIG(program->status) : 0);
    field_write('s', text, (size_t)size);
    field_write('o', program->out.data, program->out.size);
    field_write('e', program->err.data, program->err.size);
    if (judged) {
        field_write('O', last->out.data, last->out.size);
        field_write('E', last->err.data, last->err.size);
    }
    field_write('t', o->report.data, o->report.size);
    message_end();
}

static void reset(struct outcome *o) {
    struct outcome fresh = {.report = o->report};
    bytes_clear(&fresh.report);
    for (int i = 0; i < PARTIES; i++) {
        fresh.of[i] = (struct ending){.out = o->of[i].out, .err = o->of[i].err};
        bytes_clear(&fresh.of[i].out);
        bytes_clear(&fresh.of[i].err);
    }
    *o = fresh;
}

/* Whether the compiler left something to run. */
static bool compile(const struct job *j, struct outcome *o) {
    const struct ending *e = &o->of[PROGRAM];
    struct limits l = {
        .wall_us = j->compile_us, .keep = j->keep, .most = j->most, .processes = j->processes};
    char **argv = split(&j->compile);
    struct command c = {.argv = argv, .uid = job_uid, .dir = JOB_DIR, .in = open_input(&j->input)};
    bool go = true;
    if (j->warm_compile.size) {
        c.compiler = &compiler;
        go = service_want(&compiler, &j->warm_compile, COMPILER_UID, j->fresh);
    }
    o->service_died = !go;
    if (go) stage_run(&c, NULL, &l, o);
    split_free(argv);
    close(c.in);
    return go && WIFEXITED(e->status) && !WEXITSTATUS(e->status) && !e->exec_error && !o->stuck &&
           !o->timeout_wall && !o->output_limit && !o->service_died && !o->oom_kills;
}

/* Runs the program, and its judge where it has one. */
static void run(const struct job *j, struct outcome *o) {
    static const struct bytes none;
    struct limits l = {j->wall_us, j->cpu_us, j->keep, j->most, j->processes};
    bool judged = j->judge.size, warm = j->warm_run.size, go = true;
    struct command program = {.argv = split(&j->run),
                              .uid = job_uid,
                              .dir = JOB_DIR,
                              .verb = judged ? "program" : "run",
                              .in = open_input(&j->input),
                              .nonce = judged ? NULL : &j->nonce,
                              .fork_from = warm ? &interpreter : NULL};
    struct command judge = {.argv = split(&j->judge),
                            .uid = judge_uid,
                            .dir = JUDGE_DIR,
                            .verb = "judge",
                            .in = open_input(&none),
                            .nonce = &j->nonce,
                            .fork_from = j->warm_judge.size ? &judge_interpreter : NULL};
    if (warm) go = service_want(&interpreter, &j->warm_run, 0, j->fresh);
    if (judge.fork_from)
        go = go && service_want(&judge_interpreter, &j->warm_judge, 0, j->fresh);
    o->service_died = !go;
    if (go) stage_run(&program, judged ? &judge : NULL, &l, o);
    split_free(program.argv);
    split_free(judge.argv);
    close(program.in);
    close(judge.in);
}

static void do_job(const struct job *j) {
    static struct outcome o;
    const char *stage = "compile";
    bool judged = false, go = true;
    int64_t compile_us = 0;
    reset(&o);
    if (j->compile.size || j->warm_compile.size) {
        go = compile(j, &o);
        compile_us = o.wall_us;
    }
    if (go) {
        int64_t compile_cpu = o.cpu_us, peak = o.peak_memory;
        stage = "run";
        judged = j->judge.size;
        reset(&o);
        o.cpu_us = compile_cpu;
        o.peak_memory = peak;
        run(j, &o);
    }
    bool clean = !o.stuck && wipe(job_uid);
    if (j->judge.size) clean &= wipe(judge_uid) && rmdir(JUDGE_DIR) == 0;
    if (j->warm_compile.size) clean &= wipe(COMPILER_UID);
    clean &= rmdir(JOB_DIR) == 0;
    answer(stage, &o, judged, compile_us, clean);
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
        judge_uid = job_uid + JOB_UIDS;
        make_dir(JOB_DIR, job_uid, 0700);
        if (!read_job(&j)) return 0; /* the pool went away, and with PID 1 goes everything here */
        do_job(&j);
    }
}
