/* Calls the loop in C at its bounds; for the sanitizers. Its `protect` stands in for libsrtp: it writes all that libsrtp may. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LONGEST = 2048 - 148, TARGET = 40 };

int layout(void);
int fan_send(int, int (*)(void *, void *, int *), const void *, int, const unsigned char *, int);

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

int main(void) {
    static const int counts[] = {0, 1, 63, 64, 65, 127, 128, 129, 1000}, sizes[] = {-1, 0, 1, 12, LONGEST, LONGEST + 1, 1 << 30};
    int in = socket(AF_INET, SOCK_DGRAM, 0), out = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (bind(in, (struct sockaddr *)&address, length) || getsockname(in, (struct sockaddr *)&address, &length)) return 2;
    want("layout", layout() & 0xffff, sizeof(void *) == 8 ? TARGET : TARGET - 4);

    for (refuses = 0; refuses < 2; refuses++)
        for (unsigned c = 0; c < sizeof counts / sizeof *counts; c++)
            for (unsigned s = 0; s < sizeof sizes / sizeof *sizes; s++)
                for (int shift = 0; shift < 2; shift++) { /* aligned, and not */
                    int count = counts[c], size = sizes[s], fits = size > 0 && size <= LONGEST;
                    size_t each = (size_t)(layout() & 0xffff);
                    unsigned char *all = malloc(shift + each * (size_t)count), *packet = calloc(1, fits ? (size_t)size : 1);
                    for (int at = 0; at < count; at++) {
                        unsigned char *place = all + shift + each * (size_t)at;
                        uint32_t has = sizeof address;
                        memset(place, 0, each);
                        memcpy(place + sizeof(void *), &address, sizeof address);
                        memcpy(place + sizeof(void *) + 28, &has, sizeof has);
                    }
                    calls = 0;
                    want("sent", fan_send(out, protect, packet, size, all + shift, count), fits ? 0 : count);
                    want("encrypted", calls, fits ? count : 0);
                    if (!refuses) want("to a socket that is none", fan_send(-1, protect, packet, size, all + shift, count), count);
                    for (int at = 0; at < count; at++) { /* addresses of a size that there is none of */
                        uint32_t has = UINT32_MAX;
                        memcpy(all + shift + each * (size_t)at + sizeof(void *) + 28, &has, sizeof has);
                    }
                    calls = 0;
                    want("to nowhere", fan_send(out, protect, packet, size, all + shift, count), fits ? 0 : count);
                    want("not encrypted", calls, 0);
                    free(all);
                    free(packet);
                }
    close(in);
    close(out);
    puts("well");
    return 0;
}
