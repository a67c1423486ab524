/* A burst of packets, encrypted for each of many viewers and sent: what `Python.send` in fanout.py does, in C.
 *
 * A viewer's packets are encrypted one after the other, while what its SRTP session consists of is in the processor's cache; those
 * that are as long as one another go through the kernel as one (UDP_SEGMENT: they leave it apart), and up to 64 of such in one
 * system call.
 *
 * What always holds: nothing is read or written outside of what the arguments say and of the buffers below; nothing is kept
 * between two calls, so that any thread may call. libsrtp is the one inside pylibsrtp: `protect` is its function and the
 * targets hold its sessions, so there is nothing to link with.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

enum { BATCH = 64, PIECES = 256, ROOM = 1 << 16, LONGEST = 1900, TRAILER = 148, ALIGNED = 16, TOGETHER = 32, VERSION = 2 };

typedef int (*protect_function)(void *srtp, void *packet, int *size);

/* A viewer, as native.py packs one: its SRTP session, and its address as the kernel wants it. */
struct target {
    void *srtp;
    unsigned char address[28];
    uint32_t address_size;
};

/* How long the packets of a message are, all but the last, which may be shorter. */
union length {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(uint16_t))];
};

/* What is ready for the kernel: `ready` messages of `parts` packets. `open`: whether the last one may take more of them. */
struct batch {
    int fd, ready, parts, open, used, dropped;
    struct mmsghdr messages[BATCH];
    struct iovec pieces[PIECES];
    union length lengths[BATCH];
    _Alignas(ALIGNED) unsigned char room[ROOM];
};

/* What the other side checks before anything else. */
int layout(void) { return VERSION << 16 | (int)sizeof(struct target); }

/* How many packets of a message the network does not take one by one. */
static int give_apart(int fd, const struct msghdr *whole) {
    int dropped = 0;
    for (size_t at = 0; at < whole->msg_iovlen; at++) {
        const struct iovec *one = &whole->msg_iov[at];
        if (sendto(fd, one->iov_base, one->iov_len, MSG_DONTWAIT, whole->msg_name, whole->msg_namelen) < 0) dropped++;
    }
    return dropped;
}

/* Hand over what is ready. What is refused does not keep that behind it waiting; packets that are refused together for what they
 * are (by a device that knows no segments, say) are given one by one. */
static void give(struct batch *batch) {
    int at = 0;
    while (at < batch->ready) {
        int taken = sendmmsg(batch->fd, batch->messages + at, (unsigned)(batch->ready - at), MSG_DONTWAIT);
        if (taken > 0) {
            at += taken;
        } else if (taken == 0 || errno != EINTR) {
            const struct msghdr *refused = &batch->messages[at++].msg_hdr;
            int is_full = errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS;
            batch->dropped += refused->msg_iovlen > 1 && !is_full ? give_apart(batch->fd, refused) : (int)refused->msg_iovlen;
        }
    }
    batch->ready = batch->parts = batch->open = batch->used = 0;
}

/* Let the newest packet, of `size`, go with those before it. */
static void join(struct batch *batch, int size) {
    struct msghdr *message = &batch->messages[batch->ready - 1].msg_hdr;
    uint16_t each = (uint16_t)message->msg_iov->iov_len;
    if (++message->msg_iovlen == 2) {
        union length *length = &batch->lengths[batch->ready - 1];
        memset(length, 0, sizeof *length);
        length->header.cmsg_len = CMSG_LEN(sizeof each);
        length->header.cmsg_level = IPPROTO_UDP;
        length->header.cmsg_type = UDP_SEGMENT;
        memcpy(CMSG_DATA(&length->header), &each, sizeof each);
        message->msg_control = length;
        message->msg_controllen = sizeof *length;
    }
    batch->open = size == each && message->msg_iovlen < TOGETHER;
}

/* Take the packet that has just been encrypted into the batch. `address`: of `address_size`, where it goes. */
static void take(struct batch *batch, int size, const unsigned char *address, uint32_t address_size, int together) {
    struct iovec *piece = &batch->pieces[batch->parts++];
    *piece = (struct iovec){.iov_base = batch->room + batch->used, .iov_len = (size_t)size};
    batch->used += (size + ALIGNED - 1) & -ALIGNED;
    if (batch->open && (size_t)size <= batch->messages[batch->ready - 1].msg_hdr.msg_iov->iov_len) {
        join(batch, size);
        return;
    }
    batch->messages[batch->ready++] = (struct mmsghdr){.msg_hdr = {.msg_name = (void *)address,
                                                                   .msg_namelen = address_size,
                                                                   .msg_iov = piece,
                                                                   .msg_iovlen = 1}};
    batch->open = together;
}

/* `number` packets of these `sizes`, one after the other, to each of `count` targets, aligned or not. How many were not taken by the
 * network, counted for each viewer; whom libsrtp refuses to encrypt for is passed over. A packet of a size that there is no room for
 * goes to nobody. `together`: whether the socket takes packets as segments of one. */
int fan_send(int fd, protect_function protect, const unsigned char *packets, const int *sizes, int number,
             const unsigned char *targets, int count, int together) {
    struct batch batch;
    batch.fd = fd;
    batch.ready = batch.parts = batch.open = batch.used = batch.dropped = 0;

    for (int one = 0; one < count; one++) {
        const unsigned char *place = targets + (size_t)one * sizeof(struct target), *packet = packets;
        struct target target;

        memcpy(&target, place, sizeof target);
        batch.open = 0; /* the message before is another viewer's */
        for (int at = 0; at < number; packet += sizes[at] > 0 ? sizes[at] : 0, at++) {
            int size = sizes[at];

            if (size <= 0 || size > LONGEST) {
                batch.dropped++;
                continue;
            }
            if (batch.ready == BATCH || batch.parts == PIECES || batch.used + size + TRAILER > ROOM) give(&batch);
            memcpy(batch.room + batch.used, packet, (size_t)size);
            if (target.address_size > sizeof target.address || protect(target.srtp, batch.room + batch.used, &size) != 0)
                continue;
            take(&batch, size, place + offsetof(struct target, address), target.address_size, together);
        }
    }
    give(&batch);
    return batch.dropped;
}
