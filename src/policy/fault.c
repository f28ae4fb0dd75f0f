/* fault.c - errors that show the place, and guess what was meant. */
#include "policy_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SHOWN 96 /* bytes of the offending line */

static bool starts_char(char c) {
    return ((unsigned char)c & 0xc0) != 0x80;
}

/* The line around `at`, and a caret under it, both cut to SHOWN bytes. */
static void show(char *out, size_t size, const parser *p, size_t line_at,
                 size_t at) {
    size_t end = line_at, from = line_at;
    while (end < p->len && p->text[end] != '\n')
        end++;
    if (at - from > SHOWN / 2) {
        from = at - SHOWN / 2;
        while (!starts_char(p->text[from]))
            from++;
    }
    size_t stop = end - from > SHOWN ? from + SHOWN : end;
    while (stop < end && !starts_char(p->text[stop]))
        stop--;
    char line[SHOWN + 1], caret[SHOWN + 2];
    size_t n = 0, m = 0;
    for (size_t i = from; i < stop; i++) {
        char c = p->text[i];
        line[n++] = (unsigned char)c < 0x20 ? ' ' : c;
        if (i < at && starts_char(c))
            caret[m++] = ' ';
    }
    caret[m++] = '^';
    snprintf(out, size, "\n    %.*s\n    %.*s", (int)n, line, (int)m, caret);
}

mal_err policy_fault(const parser *p, size_t at, mal_err err, const char *file,
                     int line, const char *fmt, ...) {
    char why[640], place[3 * SHOWN];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    size_t line_at = 0, row = 1, column = 1;
    for (size_t i = 0; i < at && i < p->len; i++)
        if (p->text[i] == '\n') {
            row++;
            line_at = i + 1;
        }
    for (size_t i = line_at; i < at; i++)
        column += starts_char(p->text[i]);
    /* Bytes that are no UTF-8 are told of, not shown. */
    size_t bad;
    if (policy_utf8(p->text, p->len, &bad))
        show(place, sizeof place, p, line_at, at);
    else
        place[0] = 0;
    return mal_err_set(err, file, line, "%zu:%zu: %s%s", row, column, why,
                       place);
}

mal_err policy_unexpected(const parser *p, const char *wanted) {
    const token *t = &p->tok;
    if (t->kind == TOKEN_END)
        FAULT(p, t->at, MAL_E_INPUT, "expected %s, but the text ends here",
              wanted);
    FAULT(p, t->at, MAL_E_INPUT, "expected %s, found %s%.*s%s", wanted,
          t->kind == TOKEN_STRING ? "" : "\"", (int)(t->len > 64 ? 64 : t->len),
          p->text + t->at, t->kind == TOKEN_STRING ? "" : "\"");
}

/* Edits (insert, delete, replace, swap of neighbours) from a to b, or more than
 * `cap` if it takes more.  Names are short: MAL_POLICY_NAME_MAX. */
static unsigned distance(const char *a, size_t n, const char *b, size_t m) {
    unsigned row[3][MAL_POLICY_NAME_MAX + 1];
    for (size_t j = 0; j <= m; j++)
        row[0][j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned *now = row[i % 3], *up = row[(i + 2) % 3];
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            unsigned best = up[j - 1] + (a[i - 1] != b[j - 1]);
            if (up[j] + 1 < best)
                best = up[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
                a[i - 2] == b[j - 1] && row[(i + 1) % 3][j - 2] + 1 < best)
                best = row[(i + 1) % 3][j - 2] + 1;
            now[j] = best;
        }
    }
    return row[n % 3][m];
}

guess policy_guess(const char *name, size_t len) {
    /* One slip in a short word, two in a longer one, is a typing error. */
    return (guess){ .name = name, .len = len, .distance = len > 4 ? 3 : 2 };
}

void policy_guess_offer(guess *g, const char *candidate) {
    size_t m = strlen(candidate);
    if (g->len > MAL_POLICY_NAME_MAX || m > MAL_POLICY_NAME_MAX || g->len == 0)
        return;
    unsigned d = distance(g->name, g->len, candidate, m);
    if (d < g->distance) {
        g->distance = d;
        g->best = candidate;
    }
}

const char *policy_guess_say(const guess *g, char out[160]) {
    out[0] = 0;
    if (g->best)
        snprintf(out, 160, "; did you mean \"%s\"?", g->best);
    return out;
}
