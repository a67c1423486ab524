/* One packet, encrypted for each of many viewers and sent: what `Python.send` in fanout.py does, in C, 64 viewers a system call.
 *
 * What always holds: nothing is read or written outside of what the arguments say and of the buffers below; nothing is kept
 * between two calls, so that any thread may call. libsrtp is the one inside pylibsrtp: `protect` is its function and the
 * targets hold its sessions, so there is nothing to link with.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { BATCH = 64, SIZE = 2048, TRAILER = 148, VERSION = 1 };

typedef int (*protect_function)(void *srtp, void *packet, int *size);

/* A viewer, as native.py packs one: its SRTP session, and its address as the kernel wants it. */
struct target {
    void *srtp;
    unsigned char address[28];
    uint32_t address_size;
};

/* What the other side checks before anything else. */
int layout(void) { return VERSION << 16 | (int)sizeof(struct target); }

/* How many of `ready` packets the network does not take. One that is refused does not keep those behind it waiting. */
static int give(int fd, struct mmsghdr *messages, int ready) {
    int dropped = 0, at = 0;
    while (at < ready) {
        int taken = sendmmsg(fd, messages + at, (unsigned)(ready - at), MSG_DONTWAIT);
        if (taken > 0) {
            at += taken;
        } else if (taken == 0 || errno != EINTR) {
            at++;
            dropped++;
        }
    }
    return dropped;
}

/* `targets`: `count` of them, one after the other, aligned or not. How many viewers the network did not take the packet for; whom
 * libsrtp refuses to encrypt for is passed over. A packet of a size that there is no room for goes to nobody. */
int fan_send(int fd, protect_function protect, const void *packet, int size, const unsigned char *targets, int count) {
    unsigned char buffers[BATCH][SIZE];
    struct iovec pieces[BATCH];
    struct mmsghdr messages[BATCH];
    int dropped = 0, ready = 0;

    if (size <= 0 || size > SIZE - TRAILER) return count > 0 ? count : 0;
    for (int at = 0; at < count; at++) {
        const unsigned char *place = targets + (size_t)at * sizeof(struct target);
        struct target target;
        int sealed = size;

        memcpy(&target, place, sizeof target);
        memcpy(buffers[ready], packet, (size_t)size);
        if (target.address_size > sizeof target.address || protect(target.srtp, buffers[ready], &sealed) != 0) continue;
        pieces[ready] = (struct iovec){.iov_base = buffers[ready], .iov_len = (size_t)sealed};
        messages[ready] = (struct mmsghdr){.msg_hdr = {.msg_name = (void *)(place + offsetof(struct target, address)),
                                                       .msg_namelen = target.address_size,
                                                       .msg_iov = &pieces[ready],
                                                       .msg_iovlen = 1}};
        if (++ready == BATCH) {
            dropped += give(fd, messages, ready);
            ready = 0;
        }
    }
    return dropped + give(fd, messages, ready);
}
