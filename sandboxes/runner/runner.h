/* The runner: PID 1 of a sandbox. It takes one job at a time from standard input, runs it as a user
 * of its own, and answers on standard output. It holds no verdicts: it says what happened.
 *
 * Directories (all on size-capped tmpfs mounts that the pool asks for):
 *   /sandbox        root's own; nobody else may list or write it
 *   /sandbox/job    the job's working directory, made for it and removed after it
 *   /sandbox/judge  the working directory of the job's judge, where it has one
 *   /sandbox/build  what a warm compiler wrote; the job may read it
 *   /sandbox/done   a FIFO that a launcher writes its report to; the runner alone reads it
 */
#ifndef FORKEVAL_RUNNER_H
#define FORKEVAL_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define JOB_DIR "/sandbox/job"
#define JUDGE_DIR "/sandbox/judge"
#define BUILD_DIR "/sandbox/build"
#define REPORT_FIFO "/sandbox/done"
#define REPORT_BYTES 4096   /* of the report that are kept; more than a launcher ever writes */
#define COMPILER_UID 10001  /* the warm compiler's user */
/* Each job gets a user of its own, drawn from these, so that nothing left behind is ever another
 * job's, and the kernel's count of a user's processes is this job's count. */
#define FIRST_JOB_UID 20000
#define JOB_UIDS 40000
#define FIRST_JUDGE_UID (FIRST_JOB_UID + JOB_UIDS) /* a job's judge: its user plus JOB_UIDS */

struct bytes {
    char *data;
    size_t size, room;
};
void bytes_add(struct bytes *b, const void *data, size_t size);
void bytes_clear(struct bytes *b);

/* message.c: frames on standard input and output. A message is a list of fields (one byte tag,
 * four bytes length, little endian, then the data) ended by a field with tag '.'. */
bool field_read(char *tag, struct bytes *data); /* false: the pool went away */
void field_write(char tag, const void *data, size_t size);
void message_end(void);
_Noreturn void die(const char *what);

/* filter.c: system calls that nothing in the sandbox may make, the runner included. */
void filter_install(void);

/* meter.c: the container's control group, v1 or v2, under `root` (/sys/fs/cgroup). */
void meter_open(const char *root);
const char *meter_kind(void);   /* "v1", "v2" or "none" */
void meter_print(const char *root); /* every reading, as key=value lines */
int64_t meter_cpu_us(void);     /* CPU time so far; -1 where it cannot be read */
int64_t meter_memory(void);     /* bytes in use now; -1 */
int64_t meter_oom_kills(void);  /* processes killed for memory so far; -1 */
int64_t now_us(void);           /* monotonic clock */

/* cleanup.c: leave nothing of a user behind. */
void become(uid_t uid); /* in a child: that user, no supplementary groups, no capabilities */
void kill_user(uid_t uid);
bool wipe(uid_t uid);   /* everything `uid` may have left; false if something could not go */
bool ipc_left(void); /* whether any System V object is there, whose ever */
int others_alive(const pid_t *known, int count); /* processes besides PID 1 and those known */

/* service.c: warm processes that outlive jobs. */
struct service {
    char **argv; /* what to start; owned */
    uid_t uid;
    pid_t pid; /* 0: not running */
    int socket;
};
bool service_want(struct service *s, const struct bytes *argv, uid_t uid, bool fresh);
void service_stop(struct service *s);
bool service_send(struct service *s, const char *text, const int *fds, int count);
ssize_t service_receive(struct service *s, char *text, size_t room); /* 0 or less: it died */

/* stage.c: run one command (or one request to a service) to its end; or two commands at once, a
 * program and the judge that talks to it over a socket, to the judge's end. */
struct limits {
    int64_t wall_us, cpu_us; /* cpu_us 0: not limited apart from wall time */
    size_t keep, most;       /* output: bytes kept a stream, bytes allowed in all */
    unsigned long processes; /* of the job's user; the container's own limit leaves us room */
};
enum { PROGRAM, JUDGE, PARTIES };
struct ending {
    bool ended; /* by itself; what is killed when the stage ends has no status */
    int status; /* as wait(2) gives it */
    int exec_error;
    struct bytes out, err;
};
struct outcome {
    struct ending of[PARTIES];
    bool timeout_cpu, timeout_wall, output_limit, service_died, stuck;
    int64_t cpu_us, wall_us, peak_memory, oom_kills;
    struct bytes report;
};
struct command {
    char **argv;
    uid_t uid;
    const char *dir;           /* where it runs */
    const char *verb;          /* what a warm interpreter is asked: run, program or judge */
    int in;                    /* standard input */
    const struct bytes *nonce; /* NULL: none */
    struct service *fork_from; /* a warm interpreter; NULL: a fresh process */
    struct service *compiler;  /* a warm compiler; NULL: a process */
};
/* judge: NULL where the program is its own. With one, the program finds its end of the socket at
 * descriptor 3, the judge its nonce there and its end of the socket at 4. */
void stage_run(const struct command *program, const struct command *judge, const struct limits *l,
               struct outcome *o);
void report_open(void);
char **split(const struct bytes *b); /* NUL-separated words; the caller frees with split_free */
void split_free(char **words);

/* The judge's interpreter is not the program's: nothing is shared between the two. */
extern struct service interpreter, judge_interpreter, compiler;
#endif
