/* folder.c - files that are private, whole or absent, and really removed. */
#include "kms_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TMP_OLD_S 60 /* a younger temporary file may be another process's */

mal_err kms_path_make(kms_path out, const char *dir, const char *sub,
                      const char *stem, const char *suffix) {
    int len = snprintf(out, sizeof(kms_path), "%s%s%s/%s%s", dir,
                       *sub ? "/" : "", sub, stem, suffix ? suffix : "");
    MAL_REQUIRE(len > 0 && (size_t)len < sizeof(kms_path), MAL_E_LIMIT,
                "the path of the key folder is too long");
    return MAL_OK;
}

mal_err kms_private_check(const char *path, bool is_dir) {
    struct stat st;
    if (lstat(path, &st) != 0)
        MAL_FAIL(errno == ENOENT ? MAL_E_MISSING : MAL_E_IO,
                 "cannot look at %s: %s", path, strerror(errno));
    MAL_REQUIRE(is_dir ? S_ISDIR(st.st_mode) : S_ISREG(st.st_mode),
                MAL_E_DENIED,
                "%s is not a plain %s: keys are not read through links", path,
                is_dir ? "folder" : "file");
    MAL_REQUIRE(st.st_uid == geteuid(), MAL_E_DENIED,
                "%s belongs to another user: run as its owner, or chown it",
                path);
    MAL_REQUIRE((st.st_mode & 077) == 0, MAL_E_DENIED,
                "%s is open to group or others: chmod %s, and ask who read it",
                path, is_dir ? "700" : "600");
    return MAL_OK;
}

static mal_err tag_of(mal_prim_hash *tag, const mal_key *identity,
                      mal_bytes body) {
    uint8_t key[32];
    MAL_TRY(mal_prim_hkdf(key, sizeof key, mal_key_view(identity),
                          mal_bytes_of(NULL, 0),
                          mal_bytes_str("malus.kms.file/v1")));
    mal_prim_hmac256(tag, mal_bytes_of(key, sizeof key), body);
    mal_wipe(key, sizeof key);
    return MAL_OK;
}

mal_err kms_file_put(const char *path, const char *label, mal_bytes payload,
                     const mal_key *identity) {
    MAL_AUTO(mal_buf_clear) mal_buf file = { 0 };
    mal_prim_hash tag;
    MAL_TRY(mal_buf_put_blob_str(&file, label));
    MAL_TRY(mal_buf_put_blob(&file, payload));
    MAL_TRY(tag_of(&tag, identity, mal_buf_view(&file)));
    MAL_TRY(mal_buf_put(&file, mal_bytes_of(tag.b, sizeof tag.b)));
    MAL_TRY(mal_file_write(path, mal_buf_view(&file), 0600));
    return MAL_OK;
}

static mal_err read_parts(mal_buf *file, mal_bytes *payload, mal_bytes *tag,
                          const char *path, const char *label) {
    mal_bytes found;
    MAL_TRY(kms_private_check(path, false));
    MAL_TRY(mal_file_read(file, path, KMS_FILE_MAX));
    mal_rd rd = mal_rd_of(mal_buf_view(file));
    if (mal_rd_blob(&rd, &found, 64) != MAL_OK ||
        !mal_bytes_same_vartime(found, mal_bytes_str(label)) ||
        mal_rd_blob(&rd, payload, KMS_FILE_MAX) != MAL_OK ||
        mal_rd_raw(&rd, tag, MAL_PRIM_HASH) != MAL_OK ||
        mal_rd_end(&rd) != MAL_OK)
        MAL_FAIL(MAL_E_AUTH, "%s is damaged: restore it from a backup", path);
    return MAL_OK;
}

mal_err kms_file_get(mal_buf *payload, const char *path, const char *label,
                     const mal_key *identity) {
    MAL_AUTO(mal_buf_clear) mal_buf file = { 0 };
    mal_bytes inside, tag;
    mal_prim_hash want;
    MAL_TRY(read_parts(&file, &inside, &tag, path, label));
    MAL_TRY(tag_of(&want, identity,
                   mal_bytes_of(file.ptr, file.len - MAL_PRIM_HASH)));
    MAL_REQUIRE(mal_equal(want.b, tag.ptr, sizeof want.b), MAL_E_AUTH,
                "%s was altered, or belongs to another party", path);
    MAL_TRY(mal_buf_put(payload, inside));
    return MAL_OK;
}

mal_err kms_file_peek(mal_buf *payload, const char *path, const char *label) {
    MAL_AUTO(mal_buf_clear) mal_buf file = { 0 };
    mal_bytes inside, tag;
    MAL_TRY(read_parts(&file, &inside, &tag, path, label));
    MAL_TRY(mal_buf_put(payload, inside));
    return MAL_OK;
}

mal_err kms_fd_erase(int fd) {
    uint8_t noise[4096];
    struct stat st;
    MAL_REQUIRE(fstat(fd, &st) == 0 && lseek(fd, 0, SEEK_SET) == 0, MAL_E_IO,
                "cannot overwrite a key file: %s", strerror(errno));
    for (off_t left = st.st_size; left > 0; left -= (off_t)sizeof noise) {
        size_t take = left < (off_t)sizeof noise ? (size_t)left : sizeof noise;
        mal_prim_random(noise, take);
        MAL_TRY(mal_fd_write(fd, mal_bytes_of(noise, take)));
    }
    MAL_REQUIRE(fsync(fd) == 0, MAL_E_IO, "cannot overwrite a key file: %s",
                strerror(errno));
    return MAL_OK;
}

/* Overwrite and unlink a file that nobody looks for by this name. */
static mal_err erase_dead(const char *path) {
    MAL_AUTO(mal_fd_auto)
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    MAL_REQUIRE(fd >= 0 || errno == ENOENT, MAL_E_IO, "cannot overwrite %s: %s",
                path, strerror(errno));
    if (fd < 0)
        return MAL_OK;
    MAL_TRY(kms_fd_erase(fd));
    MAL_TRY(mal_file_remove(path));
    return MAL_OK;
}

/* Overwriting in place can be cut short, and would leave a key that is neither
 * there nor gone.  So its name goes first: from then on it is destroyed, and
 * the rest is repeated by kms_folder_sweep until it is done. */
mal_err kms_file_erase(const char *path) {
    kms_path dead;
    int len = snprintf(dead, sizeof dead, "%s.dead", path);
    MAL_REQUIRE((size_t)len < sizeof dead, MAL_E_LIMIT, "a path is too long");
    if (rename(path, dead) != 0) {
        MAL_REQUIRE(errno == ENOENT, MAL_E_IO, "cannot remove %s: %s", path,
                    strerror(errno));
        return MAL_OK;
    }
    char *slash = strrchr(dead, '/');
    *slash = 0;
    mal_err err = mal_dir_sync(dead);
    *slash = '/';
    MAL_TRY(err);
    MAL_TRY(erase_dead(dead));
    return MAL_OK;
}

static bool is_litter(const char *path, const char *name) {
    size_t len = strlen(name);
    struct stat st;
    if (len > 5 && strcmp(name + len - 5, ".dead") == 0)
        return true;
    if (!strstr(name, ".tmp-") || lstat(path, &st) != 0)
        return false;
    return (uint64_t)st.st_mtime + TMP_OLD_S < mal_time_unix();
}

mal_err kms_folder_sweep(const char *dir) {
    DIR *list = opendir(dir);
    mal_err err = MAL_OK;
    MAL_REQUIRE(list, MAL_E_IO, "cannot list %s: %s", dir, strerror(errno));
    for (struct dirent *e; err == MAL_OK && (e = readdir(list));) {
        kms_path path;
        err = kms_path_make(path, dir, "", e->d_name, NULL);
        if (err == MAL_OK && is_litter(path, e->d_name))
            err = erase_dead(path);
    }
    closedir(list);
    return err;
}
