/* Reads the file named by argv[2] in the way named by argv[1]; argv[3] is a scratch file for copies. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void check(int ok, const char *what) { if (!ok) { perror(what); exit(1); } }

static void ring(const char *path) {
    struct io_uring_params p = {0};
    int fd = syscall(__NR_io_uring_setup, 4, &p);
    check(fd >= 0, "io_uring_setup");
    char *sq = mmap(0, p.sq_off.array + p.sq_entries * 4, 3, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQ_RING);
    char *cq = mmap(0, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), 3, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_CQ_RING);
    struct io_uring_sqe *sqes = mmap(0, p.sq_entries * sizeof *sqes, 3, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQES);
    unsigned *tail = (unsigned *)(sq + p.sq_off.tail), mask = *(unsigned *)(sq + p.sq_off.ring_mask), *array = (unsigned *)(sq + p.sq_off.array);
    static char buffer[64];
    int file = -1;
    for (int turn = 0; turn < 2; turn++) {
        struct io_uring_sqe *e = &sqes[*tail & mask];
        memset(e, 0, sizeof *e);
        if (turn == 0) { e->opcode = IORING_OP_OPENAT; e->fd = AT_FDCWD; e->addr = (unsigned long)path; e->open_flags = O_RDONLY; }
        else { e->opcode = IORING_OP_READ; e->fd = file; e->addr = (unsigned long)buffer; e->len = 64; }
        array[*tail & mask] = *tail & mask;
        __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
        check(syscall(__NR_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, 0, 0) == 1, "io_uring_enter");
        unsigned *head = (unsigned *)(cq + p.cq_off.head);
        struct io_uring_cqe *c = (struct io_uring_cqe *)(cq + p.cq_off.cqes) + (*head & *(unsigned *)(cq + p.cq_off.ring_mask));
        check(c->res >= 0, "operation");
        file = c->res;
        __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
    }
}

static void pass(const char *path) {
    int ends[2];
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
    char space[CMSG_SPACE(sizeof(int))] = {0}, byte = 'x';
    struct iovec io = {&byte, 1};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    if (fork() == 0) {
        check(recvmsg(ends[1], &m, 0) == 1, "recvmsg");
        int fd = *(int *)CMSG_DATA(CMSG_FIRSTHDR(&m));
        char buffer[64];
        check(pread(fd, buffer, 64, 0) > 0, "read");
        _exit(0);
    }
    int fd = open(path, O_RDONLY);
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET; c->cmsg_type = SCM_RIGHTS; c->cmsg_len = CMSG_LEN(sizeof(int));
    *(int *)CMSG_DATA(c) = fd;
    check(sendmsg(ends[0], &m, 0) == 1, "sendmsg");
    int status; wait(&status); check(status == 0, "child");
}

int main(int argc, char **argv) {
    const char *way = argv[1], *path = argv[2];
    if (!strcmp(way, "io_uring")) { ring(path); return 0; }
    if (!strcmp(way, "passed")) { pass(path); return 0; }
    if (!strcmp(way, "handle")) {
        struct { struct file_handle h; char space[128]; } h = {.h.handle_bytes = 128};
        int id, fd = open(argv[3], O_RDONLY | O_DIRECTORY);
        check(name_to_handle_at(AT_FDCWD, path, &h.h, &id, 0) == 0, "name_to_handle_at");
        fd = open_by_handle_at(fd, &h.h, O_RDONLY);
        check(fd >= 0, "open_by_handle_at");
        char buffer[64]; check(read(fd, buffer, 64) > 0, "read");
        return 0;
    }
    int fd = open(path, O_RDONLY);
    check(fd >= 0, "open");
    if (!strcmp(way, "sendfile")) {
        int ends[2]; check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
        check(sendfile(ends[0], fd, 0, 64) > 0, "sendfile");
    } else if (!strcmp(way, "splice")) {
        int ends[2]; check(pipe(ends) == 0, "pipe");
        check(splice(fd, 0, ends[1], 0, 64, 0) > 0, "splice");
    } else if (!strcmp(way, "copy_file_range")) {
        int to = open(argv[3], O_WRONLY | O_CREAT, 0600);
        check(copy_file_range(fd, 0, to, 0, 64, 0) > 0, "copy_file_range");
    } else if (!strcmp(way, "mmap")) {
        volatile char *m = mmap(0, 64, PROT_READ, MAP_PRIVATE, fd, 0);
        check(m != MAP_FAILED && m[0], "mmap");
    } else check(0, "unknown way");
    return 0;
}
