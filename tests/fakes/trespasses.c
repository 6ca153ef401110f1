/* SPDX-License-Identifier: Apache-2.0 */

#include "trespasses.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each gives something negative, and errno, if it could not be done. */

static int opened(const char* path, int flags) {
    const int file = open(path, flags, 0600);
    if (file >= 0) {
        close(file);
    }
    return file;
}

static int read_file(const char* path) {
    return opened(path, O_RDONLY);
}

static int write_file(const char* path) {
    return opened(path, O_WRONLY);
}

static int empty_file(const char* path) {
    return opened(path, O_RDONLY | O_TRUNC);
}

static int make_file(const char* path) {
    return opened(path, O_RDONLY | O_CREAT);
}

static int remove_file(const char* path) {
    return unlink(path);
}

static int show_file(const char* path) {
    return chmod(path, 0644);
}

static int use_device(const char* path) {
    return opened(path, O_RDWR);
}

static int has_socket(int family, int type) {
    const int made = socket(family, type | SOCK_CLOEXEC, 0);
    if (made >= 0) {
        close(made);
    }
    return made;
}

static int inet_socket(const char* unused) {
    (void)unused;
    return has_socket(AF_INET, SOCK_STREAM);
}

/* The kernel takes this for AF_INET, too. */
static int disguised_inet_socket(const char* unused) {
    (void)unused;
    return (int)syscall(SYS_socket, (1L << 32) | AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int unix_socket(const char* unused) {
    (void)unused;
    return has_socket(AF_UNIX, SOCK_STREAM);
}

static int shared_memory(const char* unused) {
    (void)unused;
    const int made = shmget(IPC_PRIVATE, 1, 0600);
    return made < 0 ? made : shmctl(made, IPC_RMID, NULL);
}

static int crypto_socket(const char* unused) {
    (void)unused;
    return has_socket(AF_ALG, SOCK_SEQPACKET);
}

static int run_program(const char* path) {
    const pid_t child = fork();
    if (child == 0) {
        execl(path, path, (char*)NULL);
        _exit(127);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        return -1;
    }
    errno = EACCES;
    return status == 0 ? 0 : -1;
}

/* In the place of this process, should it be possible. */
static int become_program(const char* path) {
    return execl(path, path, (char*)NULL);
}

static pid_t process_of(const char* text) {
    return (pid_t)strtol(text, NULL, 10);
}

static int trace(const char* process) {
    return (int)ptrace(PTRACE_SEIZE, process_of(process), NULL, NULL);
}

/* There is nothing at that address, but that is said only after who asks was let in. */
static int read_memory(const char* process) {
    char byte = 0;
    const struct iovec here = {&byte, 1};
    const struct iovec there = {NULL, 1};
    const ssize_t result = process_vm_readv(process_of(process), &here, 1, &there, 1, 0);
    return result < 0 && errno != EFAULT ? -1 : 0;
}

static int open_memory(const char* process) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/mem", process);
    return opened(path, O_RDONLY);
}

static int signal_process(const char* process) {
    return kill(process_of(process), 0);
}

/* The kernel would send it a signal for us when the pipe can be read. */
static int signal_by_pipe(const char* process) {
    int ends[2];
    if (pipe(ends) != 0) {
        return -1;
    }
    const int result = fcntl(ends[0], F_SETOWN, process_of(process));
    close(ends[0]);
    close(ends[1]);
    return result;
}

/* Whoever opens the file to write then waits for us. */
static int lease_file(const char* path) {
    const int file = open(path, O_RDONLY);
    const int result = fcntl(file, F_SETLEASE, F_RDLCK);
    close(file);
    return result;
}

static int lock_file(const char* path) {
    const int file = open(path, O_RDONLY);
    const int result = flock(file, LOCK_EX);
    close(file);
    return result;
}

/* Through a descriptor that can read only. Not all file systems have any. */
static int mark_file(const char* path) {
    const int file = open(path, O_RDONLY);
    int flags = 0;
    int result = ioctl(file, FS_IOC_GETFLAGS, &flags);
    if (result == 0) {
        flags ^= FS_NODUMP_FL;
        result = ioctl(file, FS_IOC_SETFLAGS, &flags);
    }
    close(file);
    return result < 0 && errno != ENOTTY ? -1 : 0;
}

/* Of others, whose number is known. */
static int known_memory(const char* number) {
    return shmat((int)strtol(number, NULL, 10), NULL, 0) == (void*)-1 ? -1 : 0;
}

static int known_semaphore(const char* number) {
    struct sembuf more = {0, 1, IPC_NOWAIT};
    return semop((int)strtol(number, NULL, 10), &more, 1);
}

static int known_queue(const char* number) {
    struct msqid_ds found;
    return msgctl((int)strtol(number, NULL, 10), IPC_STAT, &found);
}

/* To the agent, along with a byte. */
static int pass_descriptor(const char* unused) {
    (void)unused;
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } field = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    char byte = 0;
    struct iovec content = {&byte, 1};
    const struct msghdr message = {.msg_iov = &content,
                                   .msg_iovlen = 1,
                                   .msg_control = field.bytes,
                                   .msg_controllen = sizeof field.bytes};
    memcpy(CMSG_DATA(&field.header), &(int){STDIN_FILENO}, sizeof(int));
    return (int)sendmsg(STDIN_FILENO, &message, MSG_NOSIGNAL);
}

/* One that tries to be nobody's child and in no group of ours, and says its number in that file. */
static int leave_program(const char* path) {
    const pid_t child = fork();
    if (child == 0) {
        if (fork() != 0) {
            _exit(0);
        }
        setsid();
        setpgid(0, 0);
        char number[32];
        const int size = snprintf(number, sizeof number, "%d", getpid());
        const int file = open(path, O_WRONLY);
        if (file < 0 || write(file, number, (size_t)size) != size) {
            _exit(1);
        }
        for (;;) {
            pause();
        }
    }
    return child < 0 ? -1 : waitpid(child, NULL, 0);
}

static int read_keyring(const char* unused) {
    (void)unused;
    return (int)syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 0);
}

static int name_space(const char* unused) {
    (void)unused;
    const pid_t child = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, 0);
    if (child == 0) {
        _exit(0);
    }
    return child > 0 ? waitpid(child, NULL, 0) : -1;
}

static int io_ring(const char* unused) {
    (void)unused;
    return (int)syscall(SYS_io_uring_setup, 1, NULL) < 0 && errno != EFAULT ? -1 : 0;
}

static int be_dumpable(const char* unused) {
    (void)unused;
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static int outlive_agent(const char* unused) {
    (void)unused;
    return prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
}

/* Standard input is no terminal, but that is said only by one who looks at it. */
static int type_on_terminal(const char* unused) {
    (void)unused;
    return ioctl(STDIN_FILENO, TIOCSTI, "x") < 0 && errno != ENOTTY ? -1 : 0;
}

int trespass(const char* what, const char* argument) {
    static const struct {
        const char* name;
        int (*attempt)(const char* argument);
    } table[] = {
        {"read-file", read_file},
        {"write-file", write_file},
        {"empty-file", empty_file},
        {"make-file", make_file},
        {"remove-file", remove_file},
        {"show-file", show_file},
        {"use-device", use_device},
        {"inet-socket", inet_socket},
        {"disguised-inet-socket", disguised_inet_socket},
        {"unix-socket", unix_socket},
        {"shared-memory", shared_memory},
        {"crypto-socket", crypto_socket},
        {"run-program", run_program},
        {"become-program", become_program},
        {"trace", trace},
        {"read-memory", read_memory},
        {"open-memory", open_memory},
        {"signal", signal_process},
        {"signal-by-pipe", signal_by_pipe},
        {"lease-file", lease_file},
        {"lock-file", lock_file},
        {"mark-file", mark_file},
        {"known-memory", known_memory},
        {"known-semaphore", known_semaphore},
        {"known-queue", known_queue},
        {"pass-descriptor", pass_descriptor},
        {"leave-program", leave_program},
        {"read-keyring", read_keyring},
        {"name-space", name_space},
        {"io-ring", io_ring},
        {"be-dumpable", be_dumpable},
        {"outlive-agent", outlive_agent},
        {"type-on-terminal", type_on_terminal},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; ++i) {
        if (strcmp(table[i].name, what) == 0) {
            return table[i].attempt(argument) < 0 ? errno : 0;
        }
    }
    return -1;
}
