/* The least there is: a loop of send() over bare sockets, in C. What it costs is the kernel's part of a frame.
 *
 * It speaks just enough of Socket.IO to let members in: whatever a member sends first is answered as a WebSocket handshake,
 * whatever comes second as a CONNECT. Told what to do by lines of JSON on standard input, as the other servers are:
 * {"op": "usage"} and {"op": "emit", "frame": "<hex>"}.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 65536, LINE = 65536 };

static unsigned char heard[MOST]; /* how many times a member has spoken */
static int members[MOST];
static int count;

static const char HELLO[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x0c" "0{\"sid\":\"x\"}";
static const char GREETING[] = "\x81\x0d" "40{\"sid\":\"x\"}";

static void put(int fd, const void *data, size_t size) {
    if (send(fd, data, size, MSG_NOSIGNAL) != (ssize_t)size) {
        perror("send");
        exit(1);
    }
}

static void emit(const char *hex) {
    static unsigned char frame[LINE / 2];
    size_t size = 0;
    unsigned byte;
    for (; sscanf(hex, "%2x", &byte) == 1; hex += 2) frame[size++] = (unsigned char)byte;
    for (int i = 0; i < count; i++) put(members[i], frame, size);
    puts("{}");
}

static void usage(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("{\"cpu\": %ld.%06ld}\n", used.ru_utime.tv_sec + used.ru_stime.tv_sec +
           (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000000,
           (used.ru_utime.tv_usec + used.ru_stime.tv_usec) % 1000000);
}

static void obey(void) {
    static char line[LINE];
    if (!fgets(line, sizeof line, stdin)) exit(0);
    char *frame = strstr(line, "\"frame\": \"");
    if (frame) emit(frame + 10);
    else usage();
    fflush(stdout);
}

static void hear(int poll, int fd) {
    static char data[LINE];
    ssize_t size = recv(fd, data, sizeof data, 0);
    if (size <= 0) {
        epoll_ctl(poll, EPOLL_CTL_DEL, fd, NULL);
        close(fd);
        return;
    }
    switch (heard[fd]++) {
    case 0: put(fd, HELLO, sizeof HELLO - 1); break;
    case 1: put(fd, GREETING, sizeof GREETING - 1); members[count++] = fd; break;
    default: heard[fd] = 2;
    }
}

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), poll = epoll_create1(0), yes = 1;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, ready[256];
    if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 4096)) return 1;
    getsockname(listener, (struct sockaddr *)&address, &length);
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    event.data.fd = 0;
    epoll_ctl(poll, EPOLL_CTL_ADD, 0, &event);
    setvbuf(stdin, NULL, _IONBF, 0);
    printf("{\"port\": %d}\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        int many = epoll_wait(poll, ready, 256, -1);
        for (int i = 0; i < many; i++) {
            int fd = ready[i].data.fd;
            if (fd == 0) obey();
            else if (fd != listener) hear(poll, fd);
            else for (int new; (new = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
                if (new >= MOST) return 1;
                setsockopt(new, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
                event.data.fd = new;
                epoll_ctl(poll, EPOLL_CTL_ADD, new, &event);
            }
        }
    }
}
