/* Lets a disk fail while a file says so: as long as $FAILING_SWITCH exists, the system calls in $FAILING_CALLS answer with
 * the error $FAILING_ERROR, a number, for paths that contain $FAILING_FILES. The calls are `sync`, `write`, `rename`, and
 * `change`, which is all else that a file system which has become read-only refuses. Preloaded into the collector by
 * broken_disk.rs. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

static int fails(const char *call, const char *path) {
    const char *files = getenv("FAILING_FILES"), *on = getenv("FAILING_SWITCH");
    const char *calls = getenv("FAILING_CALLS"), *error = getenv("FAILING_ERROR");
    if (!files || !on || !calls || !error || !strstr(calls, call) || !strstr(path, files) || access(on, F_OK) != 0)
        return 0;
    errno = atoi(error);
    return 1;
}

static int fails_at(const char *call, int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return fails(call, path);
}

int fsync(int fd) { return fails_at("sync", fd) ? -1 : REAL(int, "fsync", int)(fd); }
int fdatasync(int fd) { return fails_at("sync", fd) ? -1 : REAL(int, "fdatasync", int)(fd); }

ssize_t write(int fd, const void *bytes, size_t count) {
    return fails_at("write", fd) ? -1 : REAL(ssize_t, "write", int, const void *, size_t)(fd, bytes, count);
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    return fails_at("write", fd) ? -1 : REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t)(fd, bytes, count, at);
}

int rename(const char *from, const char *to) {
    return fails("rename", from) ? -1 : REAL(int, "rename", const char *, const char *)(from, to);
}

int ftruncate64(int fd, off64_t length) {
    return fails_at("change", fd) ? -1 : REAL(int, "ftruncate64", int, off64_t)(fd, length);
}
int unlink(const char *path) { return fails("change", path) ? -1 : REAL(int, "unlink", const char *)(path); }
int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    if ((flags & (O_CREAT | O_WRONLY | O_RDWR)) && fails("change", path))
        return -1;
    return REAL(int, "open64", const char *, int, ...)(path, flags, mode);
}
