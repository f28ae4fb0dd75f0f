/* normalise.c - one canonical form of an identifier, by named profile.
 *
 * A profile never changes: another rule is another version, since the same
 * person must get the same pseudonym at every owner of a room.
 */
#include "store_impl.h"

#include <string.h>

static uint8_t lower(uint8_t c) {
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c; /* ASCII only */
}

/* The part before '@': `full` as it is, `plain` without dots and without what
 * follows a '+', which is what gmail.com delivers to. */
typedef struct local_part {
    size_t full, plain;
} local_part;

static local_part read_local(uint8_t *full, uint8_t *plain, const uint8_t *p,
                             const uint8_t *at) {
    local_part n = { 0 };
    bool tag = false;

    for (; p < at; p++) {
        uint8_t c = lower(*p);
        full[n.full++] = c;
        tag |= c == '+';
        if (!tag && c != '.')
            plain[n.plain++] = c;
    }
    return n;
}

/* UID2's e-mail: ASCII lower case, outer spaces dropped, one '@'; for gmail.com
 * dots and tags dropped.  Everything else, emoji too, is kept. */
static bool email(uint8_t *out, size_t *len, mal_bytes text) {
    const uint8_t *p = text.ptr, *end = text.ptr + text.len;
    uint8_t plain[MAL_STORE_CELL_MAX];

    while (p < end && *p == ' ')
        p++;
    while (end > p && end[-1] == ' ')
        end--;
    const uint8_t *at = memchr(p, '@', (size_t)(end - p));
    if (!at || memchr(at + 1, '@', (size_t)(end - at - 1)))
        return false;
    local_part n = read_local(out, plain, p, at);
    p = at + 1;
    size_t domain = (size_t)(end - p), local = n.full;
    static const char gmail[] = "gmail.com";
    bool is_gmail = domain == sizeof gmail - 1;
    for (size_t i = 0; is_gmail && i < domain; i++)
        is_gmail = lower(p[i]) == (uint8_t)gmail[i];
    if (is_gmail) {
        memcpy(out, plain, n.plain);
        local = n.plain;
    }
    if (local == 0 || domain == 0)
        return false;
    out[local] = '@';
    for (size_t i = 0; i < domain; i++)
        out[local + 1 + i] = lower(p[i]);
    *len = local + 1 + domain;
    return true;
}

/* E.164 as UID2 wants it: '+' and 10 to 15 digits, nothing else. */
static bool phone(uint8_t *out, size_t *len, mal_bytes text) {
    if (text.len < 11 || text.len > 16 || text.ptr[0] != '+')
        return false;
    for (size_t i = 1; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    memcpy(out, text.ptr, text.len);
    *len = text.len;
    return true;
}

bool mal_store_normalise(uint8_t *out, size_t *len, bool *changed,
                         store_profile profile, mal_bytes text) {
    bool good = false;

    *len = 0;
    *changed = false;
    if (text.len == 0 || text.len > MAL_STORE_CELL_MAX)
        return false;
    if (profile == STORE_RAW_1) {
        memcpy(out, text.ptr, text.len);
        *len = text.len;
        return true;
    }
    good = memchr(text.ptr, '@', text.len) ? email(out, len, text)
                                           : phone(out, len, text);
    *changed = good && (*len != text.len ||
                        mal_compare_vartime(out, text.ptr, *len) != 0);
    return good;
}
