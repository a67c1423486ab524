/* Frames, each written to each of many sockets: what `Link.offer` does for each member, in C, for all whom nothing waits for.
 *
 * What always holds: nothing is read or written outside of what the arguments say; no call waits for a socket, and none raises
 * a signal; nothing is under way when a call returns, and nothing but the ring is kept between two calls.
 *
 * A system call for each socket is a fifth of what a frame costs. Where the kernel has io_uring, sends are handed to it by the
 * hundred; elsewhere (before 5.17, or where containers are denied it) it is `send()` for each. They do the same.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { VERSION = 3 };

/* What the other side checks before anything else. */
int layout(void) { return VERSION << 16 | (int)sizeof(int); }

/* What is to be written: of each lot one frame, to the next `counts` of the sockets. */
struct lots {
    const int *counts, *sizes;
    const char *const *frames;
    int lot, left; /* the one that is at hand, and how many sockets of it are still to come */
};

/* Go on to the next socket, whose lot is at hand then. */
static void step(struct lots *lots) {
    while (lots->left == 0)
        lots->left = lots->counts[++lots->lot];
    lots->left--;
}

/* `send()` for each of the sockets from `at` on. */
static void one_by_one(const int *sockets, int at, int count, struct lots lots, int *taken) {
    for (int next = 0; next < at; next++)
        step(&lots);
    for (; at < count; at++) {
        ssize_t sent;
        step(&lots);
        do {
            sent = send(sockets[at], lots.frames[lots.lot], (size_t)lots.sizes[lots.lot], MSG_DONTWAIT | MSG_NOSIGNAL);
        } while (sent < 0 && errno == EINTR);
        taken[at] = sent < 0 ? 0 : (int)sent; /* what is wrong, the next write by the transport finds out */
    }
}

#if defined(__linux__) && __has_include(<linux/io_uring.h>)
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#if defined(IORING_FEAT_CQE_SKIP) && defined(__NR_io_uring_setup)

struct ring {
    int fd;
    unsigned entries, sq_mask, cq_mask;
    unsigned *sq_head, *sq_tail, *cq_head, *cq_tail;
    struct io_uring_sqe *sqes;
    struct io_uring_cqe *cqes;
    void *rings;
    size_t rings_size, sqes_size;
};

void crowd_close(struct ring *ring) {
    if (ring == NULL)
        return;
    if (ring->sqes != NULL)
        munmap(ring->sqes, ring->sqes_size);
    if (ring->rings != NULL)
        munmap(ring->rings, ring->rings_size);
    close(ring->fd);
    free(ring);
}

/* A ring for `entries` sends at a time (a power of two), for one thread at a time; NULL where the kernel gives none. */
struct ring *crowd_open(unsigned entries) {
    struct io_uring_params asked = {0};
    struct ring *ring = calloc(1, sizeof *ring);
    if (ring == NULL)
        return NULL;
    ring->fd = (int)syscall(__NR_io_uring_setup, entries, &asked);
    if (ring->fd < 0) {
        free(ring);
        return NULL;
    }
    if (!(asked.features & IORING_FEAT_CQE_SKIP) || !(asked.features & IORING_FEAT_SINGLE_MMAP)) { /* before 5.17 */
        crowd_close(ring);
        return NULL;
    }
    size_t sq = asked.sq_off.array + asked.sq_entries * sizeof(unsigned);
    size_t cq = asked.cq_off.cqes + asked.cq_entries * sizeof(struct io_uring_cqe);
    ring->rings_size = sq > cq ? sq : cq;
    ring->sqes_size = asked.sq_entries * sizeof(struct io_uring_sqe);
    int how = PROT_READ | PROT_WRITE, shared = MAP_SHARED | MAP_POPULATE;
    char *rings = mmap(NULL, ring->rings_size, how, shared, ring->fd, IORING_OFF_SQ_RING);
    ring->rings = rings == MAP_FAILED ? NULL : rings;
    void *sqes = mmap(NULL, ring->sqes_size, how, shared, ring->fd, IORING_OFF_SQES);
    ring->sqes = sqes == MAP_FAILED ? NULL : sqes;
    if (ring->rings == NULL || ring->sqes == NULL) {
        crowd_close(ring);
        return NULL;
    }
    ring->entries = asked.sq_entries;
    ring->sq_head = (unsigned *)(rings + asked.sq_off.head);
    ring->sq_tail = (unsigned *)(rings + asked.sq_off.tail);
    ring->sq_mask = *(unsigned *)(rings + asked.sq_off.ring_mask);
    ring->cq_head = (unsigned *)(rings + asked.cq_off.head);
    ring->cq_tail = (unsigned *)(rings + asked.cq_off.tail);
    ring->cq_mask = *(unsigned *)(rings + asked.cq_off.ring_mask);
    ring->cqes = (struct io_uring_cqe *)(rings + asked.cq_off.cqes);
    unsigned *array = (unsigned *)(rings + asked.sq_off.array);
    for (unsigned place = 0; place < ring->entries; place++)
        array[place] = place;
    return ring;
}

/* Take what has ended: how many sends. */
static int reap(struct ring *ring, int *taken) {
    unsigned head = *ring->cq_head, tail = __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE);
    int ended = 0;
    for (; head != tail; head++, ended++) {
        const struct io_uring_cqe *one = &ring->cqes[head & ring->cq_mask];
        taken[one->user_data] = one->res < 0 ? 0 : one->res;
    }
    __atomic_store_n(ring->cq_head, head, __ATOMIC_RELEASE);
    return ended;
}

/* Hand sends to the kernel, as many at a time as there is place for: the place of the first socket it did not take them for,
 * `count` if there is none. */
static int by_the_hundred(struct ring *ring, const int *sockets, int count, struct lots lots, int *taken) {
    int at = 0;
    while (at < count) {
        unsigned tail = *ring->sq_tail, first = tail;
        for (int next = at; next < count && tail - first < ring->entries; next++, tail++) {
            struct io_uring_sqe *one = &ring->sqes[tail & ring->sq_mask];
            step(&lots);
            memset(one, 0, sizeof *one);
            one->opcode = IORING_OP_SEND;
            one->fd = sockets[next];
            one->addr = (uintptr_t)lots.frames[lots.lot];
            one->len = (unsigned)lots.sizes[lots.lot];
            one->msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL; /* what has no room now has failed, and is not waited for */
            one->user_data = (uint64_t)next;
        }
        __atomic_store_n(ring->sq_tail, tail, __ATOMIC_RELEASE);
        int wanted = (int)(tail - first), begun = 0, ended = 0;
        while (ended < wanted) {
            int left = wanted - begun;
            long done = syscall(__NR_io_uring_enter, ring->fd, left, begun - ended, IORING_ENTER_GETEVENTS, NULL, 0);
            begun = (int)(__atomic_load_n(ring->sq_head, __ATOMIC_ACQUIRE) - first);
            ended += reap(ring, taken);
            if (done < 0 && errno != EINTR && ended == begun) { /* out of memory, say: the rest goes the other way */
                __atomic_store_n(ring->sq_tail, first + (unsigned)begun, __ATOMIC_RELEASE);
                return at + begun;
            }
        }
        at += wanted;
    }
    return count;
}

#else

struct ring;
void crowd_close(struct ring *ring) { (void)ring; }
struct ring *crowd_open(unsigned entries) { return (void)entries, NULL; }
static int by_the_hundred(struct ring *ring, const int *sockets, int count, struct lots lots, int *taken) {
    return (void)ring, (void)sockets, (void)count, (void)lots, (void)taken, 0;
}

#endif

/* How many sockets did not take the whole of what they were written. `ring`: of `crowd_open`, or NULL. There are `lots` frames,
 * `sizes` bytes each; each is written to the next `counts` of the sockets. `taken`: how many bytes each of these took. */
int crowd_send(struct ring *ring, const int *sockets, int lots, const int *counts, const char *const *frames, const int *sizes,
               int *taken) {
    struct lots all = {counts, sizes, frames, -1, 0};
    int count = 0, short_of = 0;
    for (int lot = 0; lot < lots; lot++)
        count += counts[lot];
    int at = ring == NULL ? 0 : by_the_hundred(ring, sockets, count, all, taken);
    one_by_one(sockets, at, count, all, taken);
    for (at = 0; at < count; at++) {
        step(&all);
        short_of += taken[at] != sizes[all.lot];
    }
    return short_of;
}
