/* key.c - key bytes in pages of their own.
 *
 *     | no access | canary ... canary, key, canary | no access |
 *
 * The key ends at the last 16-byte boundary before the upper guard page, so
 * that running over its end faults, or hits the few canary bytes that alignment
 * leaves and is found when the key is cleared.
 */
#include "base_impl.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CANARY 0xdb

static size_t page_size(void) {
    long size = sysconf(_SC_PAGESIZE);
    assert(size >= (long)MAL_KEY_MAX);
    return (size_t)size;
}

/* A key that may be swapped out or dumped is weaker, not wrong: say so, once.
 */
static void warn_once(const char *what) {
    static atomic_flag said = ATOMIC_FLAG_INIT;
    if (!atomic_flag_test_and_set(&said))
        fprintf(stderr,
                "malus: warning: %s failed (%s): keys may reach swap or core "
                "files; raise the limit with ulimit -l\n",
                what, strerror(errno));
}

static void protect(uint8_t *page, size_t size) {
    if (mlock(page, size) != 0)
        warn_once("mlock");
    if (madvise(page, size, MADV_DONTDUMP) != 0)
        warn_once("madvise(MADV_DONTDUMP)");
    if (madvise(page, size, MADV_WIPEONFORK) != 0)
        warn_once("madvise(MADV_WIPEONFORK)");
}

mal_err mal_key_alloc(mal_key *key, size_t len) {
    MAL_REQUIRE(len >= 1 && len <= MAL_KEY_MAX, MAL_E_LIMIT,
                "a key of %zu bytes: 1 to %zu are possible", len, MAL_KEY_MAX);
    size_t page = page_size();
    uint8_t *low = MAP_FAILED;
    if (!mal_alloc_must_fail())
        low =
            mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MAL_REQUIRE(low != MAP_FAILED, MAL_E_MEMORY,
                "out of memory: no page for a key");
    uint8_t *data = low + page;
    if (mprotect(data, page, PROT_READ | PROT_WRITE) != 0) {
        munmap(low, 3 * page);
        MAL_FAIL(MAL_E_MEMORY, "no page for a key: %s", strerror(errno));
    }
    protect(data, page);
    memset(data, CANARY, page);
    uint8_t *ptr = data + page - ((len + 15) & ~(size_t)15);
    memset(ptr, 0, len);
    mal_key_clear(key);
    *key = (mal_key){ .ptr = ptr, .len = len };
    return MAL_OK;
}

mal_err mal_key_from(mal_key *key, mal_bytes bytes) {
    mal_key made = { 0 };
    MAL_TRY(mal_key_alloc(&made, bytes.len));
    memcpy(made.ptr, bytes.ptr, bytes.len);
    mal_key_clear(key); /* last: bytes may be a view of it */
    *key = made;
    return MAL_OK;
}

/* After a fork the child sees zeroes: key and canary alike. */
static bool canary_lives(const uint8_t *from, const uint8_t *to, uint8_t want) {
    for (; from < to; from++)
        if (*from != want)
            return false;
    return true;
}

void mal_key_clear(mal_key *key) {
    if (!key || !key->ptr)
        return;
    size_t page = page_size();
    uint8_t *data = key->ptr - ((uintptr_t)key->ptr & (page - 1));
    uint8_t *after = key->ptr + key->len;
    bool forked = after < data + page ? data[page - 1] == 0 : false;
    if (data < key->ptr)
        forked = data[0] == 0;
    uint8_t want = forked ? 0 : CANARY;
    assert(canary_lives(data, key->ptr, want) && "written before a key");
    assert(canary_lives(after, data + page, want) && "written past a key");
    mal_wipe(data, page);
    munmap(data - page, 3 * page); /* unlocks, too */
    *key = (mal_key){ 0 };
}

mal_bytes mal_key_view(const mal_key *key) {
    return mal_bytes_of(key->ptr, key->len);
}
