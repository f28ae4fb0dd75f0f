/* utf8.c - is a text well-formed UTF-8, and if not, where not? */
#include "policy_impl.h"

/* Length of the well-formed UTF-8 sequence at s, or 0: no overlong form, no
 * surrogate, nothing above U+10FFFF [RFC3629] section 4. */
static size_t utf8_len(const uint8_t *s, size_t left) {
    static const struct {
        uint8_t lo, hi, len, next_lo, next_hi;
    } form[] = {
        { 0x00, 0x7f, 1, 0, 0 },       { 0xc2, 0xdf, 2, 0x80, 0xbf },
        { 0xe0, 0xe0, 3, 0xa0, 0xbf }, { 0xe1, 0xec, 3, 0x80, 0xbf },
        { 0xed, 0xed, 3, 0x80, 0x9f }, { 0xee, 0xef, 3, 0x80, 0xbf },
        { 0xf0, 0xf0, 4, 0x90, 0xbf }, { 0xf1, 0xf3, 4, 0x80, 0xbf },
        { 0xf4, 0xf4, 4, 0x80, 0x8f },
    };
    for (size_t i = 0; i < sizeof form / sizeof *form; i++) {
        if (s[0] < form[i].lo || s[0] > form[i].hi)
            continue;
        if (form[i].len > left)
            return 0;
        if (form[i].len > 1 &&
            (s[1] < form[i].next_lo || s[1] > form[i].next_hi))
            return 0;
        for (size_t k = 2; k < form[i].len; k++)
            if (s[k] < 0x80 || s[k] > 0xbf)
                return 0;
        return form[i].len;
    }
    return 0;
}

bool policy_utf8(const char *text, size_t len, size_t *bad) {
    for (size_t at = 0; at < len;) {
        size_t n = utf8_len((const uint8_t *)text + at, len - at);
        if (n == 0) {
            *bad = at;
            return false;
        }
        at += n;
    }
    return true;
}
