/* read.c - the small pieces that every statement is made of. */
#include "policy_impl.h"

#include <stdio.h>
#include <string.h>

#define EPSILON_NANO_MAX ((uint64_t)1000000000 * 1000000000) /* 10^9 */
#define DELTA_DIGITS_MAX 18
#define DAYS_MAX 36500

bool policy_is(const parser *p, const char *text) {
    return (p->tok.kind == TOKEN_WORD || p->tok.kind == TOKEN_MARK) &&
           p->tok.len == strlen(text) &&
           mal_compare_vartime(p->text + p->tok.at, text, p->tok.len) == 0;
}

mal_err policy_take_if(parser *p, const char *text, bool *taken) {
    *taken = policy_is(p, text);
    return *taken ? policy_next(p) : MAL_OK;
}

mal_err policy_take(parser *p, const char *text, const char *why) {
    if (!policy_is(p, text)) {
        char wanted[160];
        snprintf(wanted, sizeof wanted, "\"%s\"%s%s", text, *why ? " " : "",
                 why);
        return policy_unexpected(p, wanted);
    }
    return policy_next(p);
}

/* The token's bytes, in the arena. */
mal_err policy_take_copy(parser *p, const char **out) {
    *out = mal_arena_strndup(p->arena, p->text + p->tok.at, p->tok.len);
    return *out ? policy_next(p) : MAL_E_MEMORY;
}

mal_err policy_take_name(parser *p, const char **out, const char *what,
                         size_t *at) {
    const char *t = p->text + p->tok.at;
    size_t len = p->tok.len;
    if (p->tok.kind != TOKEN_WORD)
        return policy_unexpected(p, what);
    *at = p->tok.at;
    for (size_t i = 0; i < len; i++)
        FAULT_UNLESS((t[i] >= 'a' && t[i] <= 'z') ||
                         (t[i] >= '0' && t[i] <= '9') || t[i] == '_' ||
                         (t[i] == '-' && strcmp(what, "a rule's name") == 0),
                     p, p->tok.at,
                     "%s is made of a-z, 0-9 and _; \"%.*s\" is not", what,
                     (int)(len > 64 ? 64 : len), t);
    if (len > MAL_POLICY_NAME_MAX)
        FAULT(p, p->tok.at, MAL_E_LIMIT, "%s has at most %u characters", what,
              MAL_POLICY_NAME_MAX);
    FAULT_UNLESS(!policy_word_reserved(t, len), p, p->tok.at,
                 "\"%.*s\" is a word of the language; choose another name",
                 (int)len, t);
    return policy_take_copy(p, out);
}

/* A word of any case that is not resolved here: a class, a domain. */
mal_err policy_take_label(parser *p, const char **out, const char *what) {
    if (p->tok.kind != TOKEN_WORD)
        return policy_unexpected(p, what);
    if (p->tok.len > MAL_POLICY_NAME_MAX)
        FAULT(p, p->tok.at, MAL_E_LIMIT, "%s has at most %u characters", what,
              MAL_POLICY_NAME_MAX);
    return policy_take_copy(p, out);
}

mal_err policy_take_string(parser *p, const char **out, size_t len_max,
                           const char *what) {
    if (p->tok.kind != TOKEN_STRING)
        return policy_unexpected(p, what);
    char *s =
        mal_arena_strndup(p->arena, p->text + p->tok.at + 1, p->tok.len - 2);
    if (!s)
        return MAL_E_MEMORY;
    size_t n = 0;
    for (size_t i = 0; i < p->tok.len - 2; i++) {
        i += s[i] == '\\';
        s[n++] = s[i];
    }
    s[n] = 0;
    FAULT_UNLESS(n > 0, p, p->tok.at, "%s is not empty", what);
    if (n > len_max)
        FAULT(p, p->tok.at, MAL_E_LIMIT, "%s has at most %zu bytes", what,
              len_max);
    *out = s;
    return policy_next(p);
}

mal_err policy_take_decimal(parser *p, decimal *out, const char *what) {
    if (p->tok.kind != TOKEN_NUMBER)
        return policy_unexpected(p, what);
    if (policy_decimal(out, p->text + p->tok.at, p->tok.len) != MAL_OK)
        FAULT(p, p->tok.at, MAL_E_INPUT, "%s", mal_err_message());
    return policy_next(p);
}

mal_err policy_take_count(parser *p, uint64_t *out, uint64_t min, uint64_t max,
                          const char *what) {
    size_t at = p->tok.at;
    decimal d;
    MAL_TRY(policy_take_decimal(p, &d, what));
    FAULT_UNLESS(!d.negative && policy_decimal_scaled(out, &d, 0, max) &&
                     *out >= min,
                 p, at, "%s is a whole number from %llu to %llu", what,
                 (unsigned long long)min, (unsigned long long)max);
    return MAL_OK;
}

mal_err policy_take_epsilon(parser *p, uint64_t *nano) {
    size_t at = p->tok.at;
    decimal d;
    MAL_TRY(policy_take_decimal(p, &d, "an epsilon, as in 0.5"));
    FAULT_UNLESS(
        !d.negative && policy_decimal_scaled(nano, &d, 9, EPSILON_NANO_MAX) &&
            *nano > 0,
        p, at, "an epsilon lies above 0 and at most at 10^9, in steps of 1e-9");
    return MAL_OK;
}

mal_err policy_take_delta(parser *p, mal_policy_ratio *delta) {
    size_t at = p->tok.at;
    decimal d;
    MAL_TRY(policy_take_decimal(p, &d, "a delta, as in 1e-9"));
    FAULT_UNLESS(!d.negative && d.mantissa > 0 && d.exp < 0 &&
                     d.exp >= -DELTA_DIGITS_MAX,
                 p, at, "a delta lies above 0 and below 1, in steps of 1e-18");
    uint64_t den = 1;
    for (int i = 0; i < -d.exp; i++)
        den *= 10;
    FAULT_UNLESS(d.mantissa < den, p, at,
                 "a delta lies above 0 and below 1, in steps of 1e-18");
    *delta = (mal_policy_ratio){ .num = d.mantissa, .den = den };
    return MAL_OK;
}

/* "30 days" or "1 day" */
mal_err policy_take_days(parser *p, uint32_t *days) {
    uint64_t n;
    bool one;
    MAL_TRY(policy_take_count(p, &n, 0, DAYS_MAX, "a number of days"));
    *days = (uint32_t)n;
    MAL_TRY(policy_take_if(p, "day", &one));
    return one ? MAL_OK : policy_take(p, "days", "after the number");
}

mal_err policy_take_hash(parser *p, uint8_t out[32]) {
    const char *t = p->text + p->tok.at;
    char hex[65];
    if (p->tok.kind != TOKEN_KEY || t[0] != 's')
        return policy_unexpected(p, "sha256: and 64 hex digits");
    bool good = p->tok.len == 7 + 64;
    if (good) {
        memcpy(hex, t + 7, 64);
        hex[64] = 0;
        good = mal_hex_decode(out, 32, hex) == MAL_OK;
    }
    FAULT_UNLESS(good, p, p->tok.at, "a hash is sha256: and 64 hex digits");
    return policy_next(p);
}

mal_err policy_take_word_of(parser *p, const word *table, uint32_t *value,
                            const char *what) {
    guess g = policy_guess(p->text + p->tok.at, p->tok.len);
    char meant[160];
    for (const word *w = table; w->text; w++)
        if (policy_is(p, w->text)) {
            *value = w->value;
            return policy_next(p);
        }
    for (const word *w = table; w->text; w++)
        policy_guess_offer(&g, w->text);
    if (p->tok.kind == TOKEN_WORD && g.best)
        FAULT(p, p->tok.at, MAL_E_INPUT, "expected %s, found \"%.*s\"%s", what,
              (int)p->tok.len, p->text + p->tok.at,
              policy_guess_say(&g, meant));
    return policy_unexpected(p, what);
}

/* --- References: taken for good in the first pass ----------------------- */

static bool role_held(const parser *p, uint32_t party, uint32_t wanted) {
    return !wanted || (p->known->parties[party].roles & wanted);
}

mal_err policy_take_party(parser *p, uint32_t *party, uint32_t role_wanted) {
    const char *name;
    char meant[160];
    size_t at;
    MAL_TRY(policy_take_name(p, &name, "a party's name", &at));
    *party = 0;
    if (!p->known)
        return MAL_OK;
    *party = mal_policy_party_find(p->known, name);
    guess g = policy_guess(name, strlen(name));
    for (uint32_t i = 0; *party == MAL_POLICY_NONE && i < p->known->n_parties;
         i++)
        policy_guess_offer(&g, p->known->parties[i].name);
    FAULT_UNLESS(*party != MAL_POLICY_NONE, p, at, "there is no party \"%s\"%s",
                 name, policy_guess_say(&g, meant));
    FAULT_UNLESS(role_held(p, *party, role_wanted), p, at,
                 "%s is no %s; give that role in its party line", name,
                 policy_word_of(policy_role_words, role_wanted));
    return MAL_OK;
}

mal_err policy_take_parties(parser *p, mal_policy_set *set,
                            uint32_t role_wanted) {
    bool more = true;
    *set = 0;
    while (more) {
        uint32_t party;
        size_t at = p->tok.at;
        MAL_TRY(policy_take_party(p, &party, role_wanted));
        mal_policy_set bit = p->known ? (mal_policy_set)1 << party : 0;
        FAULT_UNLESS(!(*set & bit), p, at, "%s is named twice",
                     p->known ? p->known->parties[party].name : "");
        *set |= bit;
        MAL_TRY(policy_take_if(p, ",", &more));
    }
    return MAL_OK;
}

mal_err policy_take_dataset(parser *p, uint32_t *dataset) {
    const char *owner, *table;
    char meant[160];
    size_t at, ignored;
    if (p->tok.kind != TOKEN_WORD)
        return policy_unexpected(p, "a dataset, as in acme.customers");
    MAL_TRY(policy_take_name(p, &owner, "an owner's name", &at));
    MAL_TRY(policy_take(p, ".", "and a table's name after the owner's"));
    MAL_TRY(policy_take_name(p, &table, "a table's name", &ignored));
    *dataset = 0;
    if (!p->known)
        return MAL_OK;
    char name[2 * MAL_POLICY_NAME_MAX + 2];
    snprintf(name, sizeof name, "%s.%s", owner, table);
    *dataset = mal_policy_dataset_find(p->known, name);
    guess g = policy_guess(name, strlen(name));
    for (uint32_t i = 0;
         *dataset == MAL_POLICY_NONE && i < p->known->n_datasets; i++)
        policy_guess_offer(&g, p->known->datasets[i].name);
    FAULT_UNLESS(*dataset != MAL_POLICY_NONE, p, at, "there is no dataset %s%s",
                 name, policy_guess_say(&g, meant));
    return MAL_OK;
}

mal_err policy_take_column(parser *p, uint32_t dataset, uint32_t *column) {
    char name[MAL_POLICY_NAME_MAX + 1], meant[160];
    size_t at = p->tok.at;
    if (p->tok.kind != TOKEN_WORD)
        return policy_unexpected(p, "a column's name");
    FAULT_UNLESS(p->tok.len < sizeof name, p, at,
                 "a column's name has at most %u characters",
                 MAL_POLICY_NAME_MAX);
    memcpy(name, p->text + at, p->tok.len);
    name[p->tok.len] = 0;
    MAL_TRY(policy_next(p));
    *column = 0;
    if (!p->known)
        return MAL_OK;
    const mal_policy_dataset *d = &p->known->datasets[dataset];
    *column = mal_policy_column_find(d, name);
    guess g = policy_guess(name, strlen(name));
    for (uint32_t i = 0; *column == MAL_POLICY_NONE && i < d->n_columns; i++)
        policy_guess_offer(&g, d->columns[i].name);
    FAULT_UNLESS(*column != MAL_POLICY_NONE, p, at,
                 "there is no column \"%s\" in %s%s", name, d->name,
                 policy_guess_say(&g, meant));
    return MAL_OK;
}

mal_err policy_take_cref(parser *p, mal_policy_cref *cref) {
    MAL_TRY(policy_take_dataset(p, &cref->dataset));
    MAL_TRY(policy_take(p, ".", "and a column's name after the dataset's"));
    return policy_take_column(p, cref->dataset, &cref->column);
}

const mal_policy_column *policy_known(const parser *p, uint32_t dataset,
                                      uint32_t column) {
    return p->known ? &p->known->datasets[dataset].columns[column] : NULL;
}

mal_err policy_list_add(parser *p, list *l, size_t elem, uint32_t max,
                        const char *what, void **slot) {
    if (l->n >= max)
        FAULT(p, p->tok.at, MAL_E_LIMIT, "at most %u %s", max, what);
    if (l->n == l->cap) {
        uint32_t cap = l->cap ? 2 * l->cap : 4;
        void *bigger = mal_arena_calloc(p->arena, cap, elem);
        if (!bigger)
            return MAL_E_MEMORY;
        if (l->n)
            memcpy(bigger, l->ptr, l->n * elem);
        l->ptr = bigger;
        l->cap = cap;
    }
    *slot = (char *)l->ptr + l->n++ * elem;
    return MAL_OK;
}
