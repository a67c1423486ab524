/* One frame, written to each of many sockets: what `Link.offer` does for each member, in C, for all whom nothing waits for.
 *
 * What always holds: nothing is read or written outside of what the arguments say; nothing is kept between two calls; no call
 * waits for a socket, and none raises a signal.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>

enum { VERSION = 1 };

/* What the other side checks before anything else. */
int layout(void) { return VERSION << 16 | (int)sizeof(int); }

/* How many of `count` sockets did not take the whole frame. `taken`: how many bytes each of them did. */
int crowd_send(const int *sockets, int count, const void *frame, int size, int *taken) {
    int short_of = 0;

    for (int at = 0; at < count; at++) {
        ssize_t sent;
        do {
            sent = send(sockets[at], frame, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL);
        } while (sent < 0 && errno == EINTR);
        taken[at] = sent < 0 ? 0 : (int)sent; /* what is wrong, the next write by the transport finds out */
        short_of += taken[at] != size;
    }
    return short_of;
}
