/* One of the commands of a stage: the program, or its judge. */
#ifndef FORKEVAL_PARTY_H
#define FORKEVAL_PARTY_H

#include "runner.h"

struct party {
    const struct command *c;
    struct ending *e;
    struct service *service; /* that it was forked from, or that compiles it; NULL: neither */
    pid_t main;              /* its first process; 0 once it is gone, -1 while unknown */
    bool ended;
    int out, err; /* our ends of its output */
};

/* Starts p->c. talk: its end of the socket to the other party; -1 where there is none. False: its
 * service does not answer. */
bool party_start(struct party *p, const struct limits *l, int talk);
#endif
