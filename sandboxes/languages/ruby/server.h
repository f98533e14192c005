/* server.c: the warm interpreter that jobs are forked from. */
#ifndef FORKEVAL_SERVER_H
#define FORKEVAL_SERVER_H

/* Moves the socket on standard input and output out of the interpreter's sight; before it starts. */
int server_socket(void);

/* Serves requests until the socket ends, and then leaves the process. In a child that has become a
 * job's process, returns the descriptor of the job's nonce. */
int serve(int server);

#endif
