/* file.c - files that are whole or absent, also under kill -9. */
#include "base_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_STEP ((size_t)64 << 10)
#define TREE_DEPTH_MAX 64

/* The class of a failed call on `path`, with the kernel's reason. */
#define FAIL_ERRNO(what, path)                                                 \
    do {                                                                       \
        int errno_ = errno;                                                    \
        MAL_FAIL(errno_ == ENOENT ? MAL_E_MISSING : MAL_E_IO,                  \
                 "cannot %s %s: %s", what, path, strerror(errno_));            \
    } while (0)

void mal_fd_auto(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

mal_err mal_fd_write(int fd, mal_bytes bytes) {
    while (bytes.len) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        MAL_REQUIRE(n >= 0, MAL_E_IO, "cannot write: %s", strerror(errno));
        bytes.ptr += n;
        bytes.len -= (size_t)n;
    }
    return MAL_OK;
}

mal_err mal_fd_read(int fd, void *out, size_t len) {
    uint8_t *at = out;
    while (len) {
        ssize_t n = read(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        MAL_REQUIRE(n >= 0, MAL_E_IO, "cannot read: %s", strerror(errno));
        MAL_REQUIRE(n > 0, MAL_E_IO, "ended early: %zu bytes are missing", len);
        at += n;
        len -= (size_t)n;
    }
    return MAL_OK;
}

bool mal_file_exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0;
}

static mal_err read_rest(mal_buf *out, int fd, const char *path,
                         size_t len_max) {
    size_t before = out->len;
    for (;;) {
        size_t got = out->len - before;
        /* One byte past the limit tells a file that is too long. */
        size_t step = len_max - got < READ_STEP ? len_max - got + 1 : READ_STEP;
        size_t room = out->cap - out->len;
        if (room > step && len_max - got >= room)
            step = room;
        MAL_TRY(mal_buf_reserve(out, step));
        ssize_t n = read(fd, out->ptr + out->len, step);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            FAIL_ERRNO("read", path);
        if (n == 0)
            return MAL_OK;
        out->len += (size_t)n;
        MAL_REQUIRE(out->len - before <= len_max, MAL_E_LIMIT,
                    "%s is longer than %zu bytes", path, len_max);
    }
}

mal_err mal_file_read(mal_buf *out, const char *path, size_t len_max) {
    MAL_AUTO(mal_fd_auto) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        FAIL_ERRNO("open", path);
    struct stat st;
    if (fstat(fd, &st) != 0)
        FAIL_ERRNO("read", path);
    if (st.st_size > 0 && (uint64_t)st.st_size <= len_max)
        MAL_TRY(mal_buf_reserve(out, (size_t)st.st_size + 1));
    size_t before = out->len;
    mal_err err = read_rest(out, fd, path, len_max);
    if (err != MAL_OK) {
        mal_wipe(out->ptr + before, out->len - before);
        out->len = before;
    }
    return err;
}

/* The folder of a path, as text in dir. */
static mal_err folder_of(char dir[PATH_MAX], const char *path) {
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    MAL_REQUIRE(strlen(path) < PATH_MAX - 32, MAL_E_LIMIT,
                "a path of %zu bytes is too long", strlen(path));
    if (!slash)
        snprintf(dir, PATH_MAX, ".");
    else if (len == 0)
        snprintf(dir, PATH_MAX, "/");
    else
        snprintf(dir, PATH_MAX, "%.*s", (int)len, path);
    return MAL_OK;
}

mal_err mal_dir_sync(const char *path) {
    MAL_AUTO(mal_fd_auto)
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        FAIL_ERRNO("open the folder", path);
    if (fsync(fd) != 0)
        FAIL_ERRNO("make durable the folder", path);
    return MAL_OK;
}

static mal_err fill(const char *path, int fd, mal_bytes bytes, unsigned mode) {
    MAL_TRY(mal_fd_write(fd, bytes));
    if (fchmod(fd, (mode_t)mode) != 0 || fsync(fd) != 0)
        FAIL_ERRNO("make durable", path);
    return MAL_OK;
}

mal_err mal_file_write(const char *path, mal_bytes bytes, unsigned mode) {
    char dir[PATH_MAX], made[PATH_MAX];
    MAL_TRY(folder_of(dir, path));
    snprintf(made, sizeof made, "%s.tmp-XXXXXX", path);
    {
        MAL_AUTO(mal_fd_auto) int fd = mkostemp(made, O_CLOEXEC);
        if (fd < 0)
            FAIL_ERRNO("write", path);
        mal_err err = fill(path, fd, bytes, mode);
        if (err != MAL_OK) {
            unlink(made);
            return mal_err_trace(err, __FILE__, __LINE__);
        }
    }
    if (rename(made, path) != 0) {
        int why = errno;
        unlink(made);
        errno = why;
        FAIL_ERRNO("replace", path);
    }
    return mal_dir_sync(dir);
}

mal_err mal_file_remove(const char *path) {
    char dir[PATH_MAX];
    MAL_TRY(folder_of(dir, path));
    if (unlink(path) != 0) {
        if (errno == ENOENT)
            return MAL_OK;
        FAIL_ERRNO("remove", path);
    }
    return mal_dir_sync(dir);
}

static mal_err make_one(const char *path, unsigned mode) {
    if (mkdir(path, (mode_t)mode) == 0) {
        char dir[PATH_MAX];
        MAL_TRY(folder_of(dir, path));
        return mal_dir_sync(dir);
    }
    int why = errno;
    struct stat st;
    if (why == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return MAL_OK;
    errno = why;
    FAIL_ERRNO("make the folder", path);
}

mal_err mal_dir_make(const char *path, unsigned mode) {
    char at[PATH_MAX];
    size_t len = strlen(path);
    MAL_REQUIRE(len > 0 && len < sizeof at - 32, MAL_E_LIMIT,
                "a path of %zu bytes cannot be made", len);
    memcpy(at, path, len + 1);
    while (len > 1 && at[len - 1] == '/')
        at[--len] = 0;
    for (size_t i = 1; i < len; i++) {
        if (at[i] != '/' || at[i - 1] == '/')
            continue;
        at[i] = 0;
        MAL_TRY(make_one(at, mode));
        at[i] = '/';
    }
    return make_one(at, mode);
}

static void dir_auto(DIR **dir) {
    if (*dir)
        closedir(*dir);
}

/* Names are looked up in an open folder and links are not followed: what is
 * removed lies in this tree, whoever renames around us. */
static mal_err remove_inside(int at, const char *name, unsigned depth) {
    MAL_REQUIRE(depth < TREE_DEPTH_MAX, MAL_E_LIMIT,
                "%s: folders are nested deeper than %d", name, TREE_DEPTH_MAX);
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        FAIL_ERRNO("open the folder", name);
    MAL_AUTO(dir_auto) DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        MAL_FAIL(MAL_E_MEMORY, "out of memory: cannot list %s", name);
    }
    for (struct dirent *e; (e = readdir(dir));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (unlinkat(fd, e->d_name, 0) == 0 || errno == ENOENT)
            continue;
        if (errno != EISDIR)
            FAIL_ERRNO("remove", e->d_name);
        MAL_TRY(remove_inside(fd, e->d_name, depth + 1));
        if (unlinkat(fd, e->d_name, AT_REMOVEDIR) != 0)
            FAIL_ERRNO("remove the folder", e->d_name);
    }
    return MAL_OK;
}

mal_err mal_dir_remove(const char *path) {
    char dir[PATH_MAX];
    MAL_TRY(folder_of(dir, path));
    struct stat st;
    if (lstat(path, &st) != 0) {
        if (errno == ENOENT)
            return MAL_OK;
        FAIL_ERRNO("remove the folder", path);
    }
    MAL_TRY(remove_inside(AT_FDCWD, path, 0));
    if (rmdir(path) != 0)
        FAIL_ERRNO("remove the folder", path);
    return mal_dir_sync(dir);
}
