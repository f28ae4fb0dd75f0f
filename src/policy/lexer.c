/* lexer.c - a text to tokens, one at a time, each knowing its place. */
#include "policy_impl.h"

#include <string.h>

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* The byte at `at`, or NUL past the end (no NUL is in the text). */
static char peek(const parser *p, size_t at) {
    return at < p->len ? p->text[at] : 0;
}

mal_err policy_lex_start(parser *p, mal_bytes text) {
    MAL_REQUIRE(text.len <= MAL_POLICY_TEXT_MAX, MAL_E_LIMIT,
                "1:1: the contract has %zu bytes; at most %zu are read",
                text.len, MAL_POLICY_TEXT_MAX);
    p->text = text.len ? (const char *)text.ptr : "";
    p->len = text.len;
    p->line = 1;
    p->at = 0;
    size_t bad;
    if (!policy_utf8(p->text, p->len, &bad))
        FAULT(p, bad, MAL_E_INPUT,
              "the text is not UTF-8 here; save the file as UTF-8");
    for (size_t i = 0; i < p->len; i++) {
        unsigned char c = (unsigned char)p->text[i];
        if ((c < 0x20 && c != '\n' && c != '\t' && c != '\r') || c == 0x7f)
            FAULT(p, i, MAL_E_INPUT,
                  "byte 0x%02x cannot stand in a contract; remove it", c);
    }
    return policy_next(p);
}

static void skip_blank(parser *p) {
    for (; p->at < p->len; p->at++) {
        char c = p->text[p->at];
        if (c == '#')
            while (p->at + 1 < p->len && p->text[p->at + 1] != '\n')
                p->at++;
        else if (c == '\n')
            p->line++;
        else if (c != ' ' && c != '\t' && c != '\r')
            return;
    }
}

static mal_err lex_string(parser *p, size_t *end) {
    size_t start = p->at, i = start + 1;
    for (;; i++) {
        char c = peek(p, i);
        if (i >= p->len || c == '\n')
            FAULT(p, start, MAL_E_INPUT,
                  "this string has no end on its line; close it with \"");
        if (c == '"')
            break;
        FAULT_UNLESS((unsigned char)c >= 0x20, p, i,
                     "a tab or control character cannot stand in a string");
        if (c != '\\')
            continue;
        i++;
        FAULT_UNLESS(peek(p, i) == '"' || peek(p, i) == '\\', p, i - 1,
                     "a backslash in a string stands before \" or \\ only");
    }
    *end = i + 1;
    return MAL_OK;
}

static size_t digits(const parser *p, size_t at) {
    while (is_digit(peek(p, at)))
        at++;
    return at;
}

/* 2026-09 or 2026-09-01: four digits, then two, then perhaps two. */
static bool lex_date(const parser *p, size_t at, size_t *end) {
    if (digits(p, at) != at + 4 || peek(p, at + 4) != '-' ||
        digits(p, at + 5) != at + 7)
        return false;
    *end = at + 7;
    if (peek(p, at + 7) == '-' && digits(p, at + 8) == at + 10)
        *end = at + 10;
    return true;
}

static mal_err lex_number(parser *p, size_t *end, token_kind *kind) {
    size_t i = p->at;
    *kind = TOKEN_NUMBER;
    if (lex_date(p, i, end)) {
        *kind = TOKEN_DATE;
        i = *end;
    } else {
        i = digits(p, i + (peek(p, i) == '-'));
        if (peek(p, i) == '.' && is_digit(peek(p, i + 1)))
            i = digits(p, i + 1);
        if (peek(p, i) == 'e' || peek(p, i) == 'E') {
            size_t e = i + 1;
            if (peek(p, e) == '-' || peek(p, e) == '+')
                e++;
            if (is_digit(peek(p, e)))
                i = digits(p, e);
        }
    }
    FAULT_UNLESS(!is_letter(peek(p, i)) && peek(p, i) != '-', p, p->at,
                 "a number ends in other characters; quote a value that "
                 "starts with a digit, as in \"9E\"");
    *end = i;
    return MAL_OK;
}

/* A word, or a key: ed25519:..., sha256:... without blanks. */
static mal_err lex_word(parser *p, size_t *end, token_kind *kind) {
    size_t i = p->at;
    while (is_letter(peek(p, i)) || is_digit(peek(p, i)) || peek(p, i) == '-')
        i++;
    size_t len = i - p->at;
    const char *w = p->text + p->at;
    *kind = TOKEN_WORD;
    if (peek(p, i) == ':' &&
        ((len == 7 && mal_compare_vartime(w, "ed25519", 7) == 0) ||
         (len == 6 && mal_compare_vartime(w, "sha256", 6) == 0))) {
        *kind = TOKEN_KEY;
        for (i++; is_letter(peek(p, i)) || is_digit(peek(p, i)) ||
                  (peek(p, i) && strchr("+/=-", peek(p, i)));)
            i++;
    }
    *end = i;
    return MAL_OK;
}

static mal_err lex_mark(parser *p, size_t *end) {
    static const char *const marks[] = { "..", "<=", ">=", ".", ",", "(", ")",
                                         "{",  "}",  "=",  "*", "|", "@", ":" };
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t len = strlen(marks[i]);
        if (p->len - p->at >= len &&
            mal_compare_vartime(p->text + p->at, marks[i], len) == 0) {
            *end = p->at + len;
            return MAL_OK;
        }
    }
    FAULT(p, p->at, MAL_E_INPUT,
          "this character has no meaning here; a comment starts with #");
}

mal_err policy_next(parser *p) {
    skip_blank(p);
    token t = { .at = p->at, .line = p->line };
    char c = peek(p, p->at);
    size_t end = p->at;
    if (p->at >= p->len) {
        t.kind = TOKEN_END;
    } else if (c == '"') {
        t.kind = TOKEN_STRING;
        MAL_TRY(lex_string(p, &end));
    } else if (is_digit(c) || (c == '-' && is_digit(peek(p, p->at + 1)))) {
        MAL_TRY(lex_number(p, &end, &t.kind));
    } else if (is_letter(c)) {
        MAL_TRY(lex_word(p, &end, &t.kind));
    } else {
        t.kind = TOKEN_MARK;
        MAL_TRY(lex_mark(p, &end));
    }
    t.len = end - p->at;
    p->at = end;
    p->tok = t;
    return MAL_OK;
}
