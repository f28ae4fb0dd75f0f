/* policy_impl.h - what the files of this folder share. */
#ifndef MAL_POLICY_IMPL_H
#define MAL_POLICY_IMPL_H

#include <malus/policy.h>

/* --- utf8.c: bytes to text ---------------------------------------------- */

/* *bad: the first byte that is none. */
bool policy_utf8(const char *text, size_t len, size_t *bad);

/* --- lexer.c: text to tokens -------------------------------------------- */

typedef enum token_kind {
    TOKEN_END,
    TOKEN_WORD,   /* a-z A-Z _, then also 0-9 and - */
    TOKEN_NUMBER, /* 12  -120  0.5  1e-9 */
    TOKEN_DATE,   /* 2026-09  2026-09-01 */
    TOKEN_STRING, /* "..." with \" and \\ */
    TOKEN_KEY,    /* ed25519:BASE64  sha256:HEX */
    TOKEN_MARK,   /* one of . .. , ( ) { } = <= >= * | @ : */
} token_kind;

typedef struct token {
    token_kind kind;
    size_t at, len; /* in the text */
    uint32_t line;  /* from 1 */
} token;

typedef struct parser {
    const char *text;
    size_t len;
    size_t at;     /* where the next token starts to be looked for */
    uint32_t line; /* of at */
    token tok;     /* the one token of lookahead */
    mal_arena *arena;
    /* The first pass reads names only (known is NULL, every reference is taken
     * for good); the second one resolves against what the first has found. */
    const mal_policy_contract *known;
    struct pass *pass;
} parser;

mal_err policy_lex_start(parser *p, mal_bytes text) MAL_MUST_CHECK;
mal_err policy_next(parser *p) MAL_MUST_CHECK;

/* --- fault.c: errors that show the place -------------------------------- */

/* "LINE:COLUMN: why", the line, a caret under the byte at `at`. */
mal_err policy_fault(const parser *p, size_t at, mal_err err, const char *file,
                     int line, const char *fmt, ...) MAL_PRINTF(6, 7);
#define FAULT(p, where, err, ...)                                              \
    return policy_fault((p), (where), (err), __FILE__, __LINE__, __VA_ARGS__)
#define FAULT_UNLESS(cond, p, where, ...)                                      \
    do {                                                                       \
        if (!(cond))                                                           \
            FAULT((p), (where), MAL_E_INPUT, __VA_ARGS__);                     \
    } while (0)
/* "expected WANTED, found ..." at the token. */
mal_err policy_unexpected(const parser *p, const char *wanted);
/* Keeps the best of the candidates offered to it; then says so. */
typedef struct guess {
    const char *name;
    size_t len;
    const char *best;
    unsigned distance;
} guess;
guess policy_guess(const char *name, size_t len);
void policy_guess_offer(guess *g, const char *candidate);
/* "; did you mean \"x\"?" or "". out has room for 160 bytes. */
const char *policy_guess_say(const guess *g, char out[160]);

/* --- number.c: decimals without a double -------------------------------- */

/* Exactly mantissa * 10^exp, no trailing zero in the mantissa. */
typedef struct decimal {
    bool negative;
    uint64_t mantissa;
    int exp;
} decimal;
mal_err policy_decimal(decimal *out, const char *text,
                       size_t len) MAL_MUST_CHECK;
/* value * 10^scale, or false if that is no integer in [0, max]. */
bool policy_decimal_scaled(uint64_t *out, const decimal *d, int scale,
                           uint64_t max);
/* num / den <= num' / den', exactly.  den > 0. */
bool policy_ratio_le(mal_policy_ratio a, mal_policy_ratio b);
/* value / 10^scale without trailing zeros. */
mal_err policy_put_scaled(mal_buf *out, int64_t value,
                          unsigned scale) MAL_MUST_CHECK;
mal_err policy_put_ratio(mal_buf *out, mal_policy_ratio r) MAL_MUST_CHECK;
void policy_text_nano(char out[32], uint64_t nano);
void policy_text_ratio(char out[32], mal_policy_ratio r);

/* --- words.c: tables of words ------------------------------------------- */

typedef struct word {
    const char *text;
    uint32_t value;
} word;
extern const word policy_role_words[]; /* of parties; end with NULL */
extern const word policy_op_words[];   /* without `count distinct` */
extern const word policy_engine_words[];
extern const word policy_as_words[];
extern const word policy_reveal_words[]; /* two words each */
extern const char *const policy_clause_words[];
const char *policy_word_of(const word *table, uint32_t value);
/* "count, sum": for people; canonical.c adds the models. */
mal_err policy_put_operations(mal_buf *out, uint32_t operations) MAL_MUST_CHECK;
/* Words that no party, table or rule may be called. */
bool policy_word_reserved(const char *text, size_t len);
bool policy_word_is_option(const char *text, size_t len); /* of columns */

/* --- read.c: the small pieces every statement is made of ---------------- */

bool policy_is(const parser *p, const char *text); /* word or mark */
/* Take it if it is there. */
mal_err policy_take_if(parser *p, const char *text, bool *taken) MAL_MUST_CHECK;
mal_err policy_take(parser *p, const char *text,
                    const char *why) MAL_MUST_CHECK;
mal_err policy_take_copy(parser *p, const char **out) MAL_MUST_CHECK;
mal_err policy_take_name(parser *p, const char **out, const char *what,
                         size_t *at) MAL_MUST_CHECK;
mal_err policy_take_label(parser *p, const char **out,
                          const char *what) MAL_MUST_CHECK;
mal_err policy_take_string(parser *p, const char **out, size_t len_max,
                           const char *what) MAL_MUST_CHECK;
mal_err policy_take_decimal(parser *p, decimal *out,
                            const char *what) MAL_MUST_CHECK;
mal_err policy_take_count(parser *p, uint64_t *out, uint64_t min, uint64_t max,
                          const char *what) MAL_MUST_CHECK;
mal_err policy_take_epsilon(parser *p, uint64_t *nano) MAL_MUST_CHECK;
mal_err policy_take_delta(parser *p, mal_policy_ratio *delta) MAL_MUST_CHECK;
mal_err policy_take_days(parser *p, uint32_t *days) MAL_MUST_CHECK;
mal_err policy_take_hash(parser *p, uint8_t out[32]) MAL_MUST_CHECK;
mal_err policy_take_word_of(parser *p, const word *table, uint32_t *value,
                            const char *what) MAL_MUST_CHECK;
mal_err policy_take_party(parser *p, uint32_t *party,
                          uint32_t role_wanted) MAL_MUST_CHECK;
mal_err policy_take_parties(parser *p, mal_policy_set *set,
                            uint32_t role_wanted) MAL_MUST_CHECK;
mal_err policy_take_dataset(parser *p, uint32_t *dataset) MAL_MUST_CHECK;
mal_err policy_take_column(parser *p, uint32_t dataset,
                           uint32_t *column) MAL_MUST_CHECK;
mal_err policy_take_cref(parser *p, mal_policy_cref *cref) MAL_MUST_CHECK;
/* The declared column; NULL in the first pass. */
const mal_policy_column *policy_known(const parser *p, uint32_t dataset,
                                      uint32_t column);

/* A list that grows in the arena. */
typedef struct list {
    void *ptr;
    uint32_t n, cap;
} list;
mal_err policy_list_add(parser *p, list *l, size_t elem, uint32_t max,
                        const char *what, void **slot) MAL_MUST_CHECK;

/* --- parse.c, parse_dataset.c, parse_rule.c ----------------------------- */

/* What one pass has read.  Offsets say where, for errors found later. */
typedef struct pass {
    mal_policy_contract *c;
    list parties, datasets, rules, budgets;
    bool parent, room_id, collude, consent, withdraw, expires;
    size_t collude_at;
} pass;

mal_err policy_parse_dataset(parser *p) MAL_MUST_CHECK;
mal_err policy_parse_rule(parser *p) MAL_MUST_CHECK;
mal_err policy_parse_budget(parser *p) MAL_MUST_CHECK;
/* rule_check.c: what a complete rule must have. */
mal_err policy_rule_complete(const parser *p, const mal_policy_rule *r,
                             size_t at) MAL_MUST_CHECK;

/* --- index.c ------------------------------------------------------------ */

struct mal_policy_index {
    /* Rules that may cover a plan over dataset d: permits[permits_at[d] ..
     * permits_at[d + 1]), ascending; likewise the forbids that name d. */
    const uint32_t *permits, *permits_at;
    const uint32_t *forbids, *forbids_at;
    const uint32_t *forbids_any; /* forbids without `from` */
    uint32_t n_forbids_any;
};
mal_err policy_index_build(mal_policy_contract *c,
                           mal_arena *arena) MAL_MUST_CHECK;

/* --- find.c ------------------------------------------------------------- */

const mal_policy_from *policy_rule_from(const mal_policy_rule *r,
                                        uint32_t dataset);
bool policy_rule_joins(const mal_policy_rule *r, mal_policy_join j);
uint32_t policy_as_uses(mal_policy_as as);
/* Does its exact clause name the column? */
bool policy_rule_exact(const mal_policy_rule *r, uint32_t dataset,
                       uint32_t column);
/* The uses that the rule's items allow of this column. */
uint32_t policy_rule_uses(const mal_policy_rule *r, uint32_t dataset,
                          uint32_t column);
bool policy_touches(const mal_policy_contract *c, const mal_policy_touch *t,
                    uint32_t dataset, uint32_t column);
mal_policy_join policy_join_sorted(mal_policy_join j);

#endif
