/* Calls the loop in C at its bounds; for the sanitizers. Its `protect` stands in for libsrtp: it writes all that libsrtp may. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LONGEST = 2048 - 148, TARGET = 40, MOST = 100 };

int layout(void);
int fan_send(int, int (*)(void *, void *, int *), const unsigned char *, const int *, int, const unsigned char *, int, int);

static int calls, refuses;

static int protect(void *srtp, void *packet, int *size) {
    (void)srtp;
    if (++calls % 7 == 0 && refuses) return 1;
    memset((char *)packet + *size, 0xee, 148);
    *size += 10;
    return 0;
}

static void want(const char *what, int got, int wanted) {
    if (got == wanted) return;
    fprintf(stderr, "%s: %d, not %d\n", what, got, wanted);
    exit(1);
}

/* A burst to `count` viewers at `address`, aligned or not: all of it, to a socket that is none, and to addresses of a size that
 * there is none of. */
static void check(int out, const struct sockaddr_in *address, int count, const int *sizes, int number, int shift, int together) {
    size_t each = (size_t)(layout() & 0xffff), total = 0;
    int fitting = 0, bad = 0;
    for (int at = 0; at < number; at++) {
        total += sizes[at] > 0 ? (size_t)sizes[at] : 0;
        if (sizes[at] > 0 && sizes[at] <= LONGEST) fitting++; else bad++;
    }
    unsigned char *all = malloc(shift + each * (size_t)count), *packets = calloc(1, total ? total : 1);
    for (int at = 0; at < count; at++) {
        unsigned char *place = all + shift + each * (size_t)at;
        uint32_t has = sizeof *address;
        memset(place, 0, each);
        memcpy(place + sizeof(void *), address, sizeof *address);
        memcpy(place + sizeof(void *) + 28, &has, sizeof has);
    }
    calls = 0;
    want("sent", fan_send(out, protect, packets, sizes, number, all + shift, count, together), bad * count);
    want("encrypted", calls, fitting * count);
    if (!refuses)
        want("to a socket that is none", fan_send(-1, protect, packets, sizes, number, all + shift, count, together), number * count);
    for (int at = 0; at < count; at++) {
        uint32_t has = UINT32_MAX;
        memcpy(all + shift + each * (size_t)at + sizeof(void *) + 28, &has, sizeof has);
    }
    calls = 0;
    want("to nowhere", fan_send(out, protect, packets, sizes, number, all + shift, count, together), bad * count);
    want("not encrypted", calls, 0);
    free(all);
    free(packets);
}

int main(void) {
    static const int counts[] = {0, 1, 64, 65, 300}, numbers[] = {0, 1, 2, 33, MOST},
                     kinds[][2] = {{-1, -1}, {0, 0}, {1, 1}, {12, 13}, {LONGEST, LONGEST}, {LONGEST, 12}, {LONGEST + 1, 900}, {1, 4000}};
    int in = socket(AF_INET, SOCK_DGRAM, 0), out = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (bind(in, (struct sockaddr *)&address, length) || getsockname(in, (struct sockaddr *)&address, &length)) return 2;
    want("layout", layout() & 0xffff, sizeof(void *) == 8 ? TARGET : TARGET - 4);

    for (unsigned c = 0; c < sizeof counts / sizeof *counts; c++)
        for (unsigned n = 0; n < sizeof numbers / sizeof *numbers; n++)
            for (unsigned k = 0; k < sizeof kinds / sizeof *kinds; k++)
                for (int how = 0; how < 8; how++) {
                    int sizes[MOST];
                    if (counts[c] == 300 && numbers[n] > 2) continue;
                    for (int at = 0; at < numbers[n]; at++) sizes[at] = kinds[k][at % 3 == 2];
                    refuses = how & 1;
                    check(out, &address, counts[c], sizes, numbers[n], how >> 1 & 1, how >> 2);
                }
    close(in);
    close(out);
    puts("well");
    return 0;
}
