/* Tries to get out of an observer's sight in the way named by argv[1], then opens argv[2] and connects to 127.0.0.1:8443. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *path;
static char stack[1 << 16];

static int spy(void *unused) {
    char buffer[16];
    int fd = open(path, O_RDONLY);
    if (fd >= 0) read(fd, buffer, sizeof buffer);
    int s = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(8443), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int result = connect(s, (void *)&to, sizeof to);
    printf("%s\n", result == 0 ? "connected" : strerrorname_np(errno));
    fflush(stdout);
    return 0;
}

static long old(long n, long a, long b, long c) {
    long r;
    __asm__ volatile("int $0x80" : "=a"(r) : "a"(n), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
    return (int)r;
}

static void in_32_bits(void) {
    char *low = mmap(0, 4096, 3, MAP_32BIT | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    strcpy(low, path);
    long fd = old(5, (long)low, O_RDONLY, 0);
    old(3, fd, (long)low + 2048, 16);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(8443), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    memcpy(low + 512, &to, sizeof to);
    unsigned *a = (unsigned *)(low + 1024);
    a[0] = socket(AF_INET, SOCK_STREAM, 0); a[1] = (unsigned)(long)low + 512; a[2] = sizeof to;
    printf("%s\n", old(102, 3, (long)a, 0) == 0 ? "connected" : "refused");
    fflush(stdout);
}

static void *continuing(void *listener) {
    int fd = (int)(long)listener;
    struct seccomp_notif call; struct seccomp_notif_resp answer;
    memset(&call, 0, sizeof call); memset(&answer, 0, sizeof answer);
    if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &call) == 0) {
        answer.id = call.id; answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &answer);
    }
    return 0;
}

static void by_own_filter(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_connect, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog filter = {4, code};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    int listener = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
    pthread_t thread;
    pthread_create(&thread, 0, continuing, (void *)(long)listener);
    spy(0);
}

static void *late(void *unused) { usleep(200000); spy(0); _exit(0); }

int main(int argc, char **argv) {
    const char *way = argv[1];
    path = argv[2];
    if (!strcmp(way, "untraced")) {
        waitpid(clone(spy, stack + sizeof stack, CLONE_UNTRACED | SIGCHLD, 0), 0, 0);
    } else if (!strcmp(way, "shared memory")) {
        waitpid(clone(spy, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, 0), 0, 0);
    } else if (!strcmp(way, "traceme")) {
        ptrace(PTRACE_TRACEME, 0, 0, 0); spy(0);
    } else if (!strcmp(way, "unshare")) {
        unshare(CLONE_NEWNS); mount("tmpfs", argv[3], "tmpfs", 0, 0); spy(0);
    } else if (!strcmp(way, "kill all")) {
        signal(SIGTERM, SIG_IGN); kill(1, 0); kill(getppid(), SIGCONT); spy(0);
    } else if (!strcmp(way, "32 bits")) {
        in_32_bits();
    } else if (!strcmp(way, "own filter")) {
        by_own_filter();
    } else if (!strcmp(way, "first thread ends")) {
        pthread_t thread; pthread_create(&thread, 0, late, 0); pthread_exit(0);
    } else if (!strcmp(way, "flood")) {
        for (int turn = 0; turn < 20000; turn++) close(open(argv[3], O_RDONLY | O_DIRECTORY));
        spy(0);
    } else if (!strcmp(way, "deep path")) {
        chdir(argv[3]);
        for (int turn = 0; turn < 100; turn++) { char name[101] = {0}; memset(name, 'd', 100); mkdir(name, 0700); chdir(name); }
        int fd = open("file", O_CREAT | O_RDWR, 0600); close(fd); spy(0);
    } else if (!strcmp(way, "failed exec")) {
        chmod(path, 0755); execl(path, path, 0); spy(0);
    } else if (!strcmp(way, "failed execs")) {
        chmod(path, 0755); for (int turn = 0; turn < 200; turn++) execl(path, path, 0); spy(0);
    } else if (!strcmp(way, "link")) {
        char other[4096]; snprintf(other, sizeof other, "%s/other", argv[3]); link(path, other); path = other; spy(0);
    } else return 2;
    return 0;
}
