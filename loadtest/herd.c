/* Reads from many sockets in a row, for as long as each holds just what the last one held that was looked at.
 *
 * What always holds: nothing is read or written outside of what the arguments say; nothing is kept between two calls; no call
 * waits for a socket. What has been read and is something else is in the buffer, and nothing further was read.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { VERSION = 1 };

/* What the other side checks before anything else. */
int layout(void) { return VERSION << 16 | (int)sizeof(int); }

/* The place, from `at`, of the first socket with something else than `seen`; `count`: there is none. `got`: how many bytes of it
 * are in the buffer; 0: it was closed; below that: the number of what went wrong. */
int herd_read(const int *sockets, int at, int count, void *buffer, int size, const void *seen, int seen_size, int *got) {
    for (; at < count; at++) {
        ssize_t read;
        do {
            read = recv(sockets[at], buffer, (size_t)size, MSG_DONTWAIT);
        } while (read < 0 && errno == EINTR);
        if (read <= 0 || read != seen_size || memcmp(buffer, seen, (size_t)read) != 0) {
            *got = read < 0 ? -errno : (int)read;
            return at;
        }
    }
    return count;
}
