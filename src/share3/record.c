/* record.c - what was multiplied since it was last verified. */
#include "proof_impl.h"

/* Words between the arrays of a record, so that what lies at the same place of
 * each does not compete for the same lines of a cache. */
#define APART ((size_t)40)

/* Words of a record at first, and how it grows. */
#define RECORD_MIN ((size_t)1 << 12)
#define RECORD_STEP 8

static size_t bytes_of(size_t cap) {
    return 8 * (6 * (cap + APART) + SHARE3_LINE);
}

static void forget(share3_record *r) {
    uint64_t *const all[6] = { r->x[0], r->y[0], r->e[0],
                               r->x[1], r->y[1], r->e[1] };
    for (unsigned i = 0; i < 6 && r->memory; i++)
        mal_wipe(all[i], r->used * sizeof(uint64_t));
    mal_large_free(r->memory, bytes_of(r->cap));
    *r = (share3_record){ 0 };
}

static size_t claims_bytes_of(size_t cap) {
    return 8 * (8 * (cap + APART) + SHARE3_LINE);
}

static void forget_claims(share3_claims *c) {
    for (unsigned i = 0; i < 4 && c->memory; i++) {
        mal_wipe(c->x[i / 2][i % 2], c->used * sizeof(uint64_t));
        mal_wipe(c->y[i / 2][i % 2], c->used * sizeof(uint64_t));
    }
    mal_large_free(c->memory, claims_bytes_of(c->cap));
    *c = (share3_claims){ 0 };
}

void share3_record_clear(mal_share3 *s) {
    forget(&s->record[0]);
    forget(&s->record[1]);
    forget_claims(&s->claims);
    share3_matrices_clear(&s->matrices);
    share3_proof_clear(s);
}

static void lay_out(share3_record *r) {
    uint64_t *next = share3_align(r->memory);
    uint64_t **const all[6] = { &r->x[0], &r->y[0], &r->e[0],
                                &r->x[1], &r->y[1], &r->e[1] };
    for (unsigned i = 0; i < 6; i++, next += r->cap + APART)
        *all[i] = next;
}

static void move(const share3_record *to, const share3_record *from) {
    for (unsigned p = 0; p < 2 && from->n; p++) {
        memcpy(to->x[p], from->x[p], from->n * sizeof(uint64_t));
        memcpy(to->y[p], from->y[p], from->n * sizeof(uint64_t));
        memcpy(to->e[p], from->e[p], from->n * sizeof(uint64_t));
    }
}

static mal_err grow(share3_record *r, size_t n) {
    size_t cap = r->cap ? r->cap : RECORD_MIN;
    while (cap < n)
        cap *= RECORD_STEP;
    if (cap != r->cap) {
        share3_record bigger = { .n = r->n, .used = r->n, .cap = cap };
        bigger.memory = mal_large_new(bytes_of(cap));
        if (!bigger.memory)
            return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
        lay_out(&bigger);
        move(&bigger, r);
        forget(r);
        *r = bigger;
    }
    if (n > r->used)
        r->used = n;
    return MAL_OK;
}

static mal_err prove(mal_share3 *s, share3_record *r, share3_claims *claims) {
    if (r == &s->record[1])
        return share3_record_words(s);
    return share3_prove(s, &share3_ring_bits, r, claims, NULL);
}

mal_err share3_record_words(mal_share3 *s) {
    return share3_prove(s, &share3_ring_words, &s->record[1], NULL,
                        &s->matrices);
}

/* *n: how many words of this kind may be multiplied at once. */
mal_err share3_record_room(mal_share3 *s, share3_kind kind,
                           share3_record **record, size_t *n) {
    *record = NULL;
    if (s->options.security != MAL_SHARE3_MALICIOUS)
        return MAL_OK;
    share3_record *r = &s->record[kind != SHARE3_AND];
    if (r->n == SHARE3_RECORD_MAX)
        MAL_TRY(prove(s, r, NULL));
    *n = share3_least(*n, SHARE3_RECORD_MAX - r->n);
    *record = r;
    return share3_leave(s, grow(r, r->n + *n));
}

static mal_err grow_claims(share3_claims *c, size_t cap) {
    share3_claims bigger = *c;
    bigger.cap = cap;
    bigger.used = c->n;
    bigger.memory = mal_large_new(claims_bytes_of(cap));
    if (!bigger.memory)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    uint64_t *next = share3_align(bigger.memory);
    for (unsigned i = 0; i < 4; i++, next += 2 * (cap + APART)) {
        bigger.x[i / 2][i % 2] = next;
        bigger.y[i / 2][i % 2] = next + cap + APART;
        if (c->n == 0)
            continue;
        memcpy(next, c->x[i / 2][i % 2], c->n * sizeof *next);
        memcpy(next + cap + APART, c->y[i / 2][i % 2], c->n * sizeof *next);
    }
    forget_claims(c);
    *c = bigger;
    return MAL_OK;
}

mal_err share3_claims_room(mal_share3 *s, share3_claims **claims, size_t n) {
    share3_claims *c = *claims = &s->claims;
    MAL_TRY(share3_enter(s));
    if (c->n && (3 * (c->n + n) > SHARE3_CLAIMS_MAX ||
                 c->n_told + 2 > SHARE3_CLAIMS_TOLD))
        MAL_TRY(mal_share3_verify(s));
    size_t cap = c->cap ? c->cap : 4096;
    while (cap < c->n + n + PROOF_CORNERS_MAX)
        cap *= cap < (size_t)1 << 18 ? 8 : 2;
    if (cap != c->cap)
        MAL_TRY(share3_leave(s, grow_claims(c, cap)));
    if (c->used < c->n + n + PROOF_CORNERS_MAX)
        c->used = c->n + n + PROOF_CORNERS_MAX;
    return MAL_OK;
}

/* --- The word of all --------------------------------------------------------
 */

#define VERIFIED UINT64_C(0x6465696669726576) /* "verified" */

/* Who saw a lie says nothing more; so nobody goes on before both others have
 * verified what is theirs to verify. */
static mal_err agree(mal_share3 *s) {
    return share3_same_word_of_both(s, SHARE3_PROOF, VERIFIED);
}

mal_err mal_share3_verify(mal_share3 *s) {
    MAL_TRY(share3_enter(s));
    MAL_TRY(prove(s, &s->record[0], &s->claims));
    MAL_TRY(prove(s, &s->record[1], NULL));
    if (!s->unagreed)
        return MAL_OK;
    s->unagreed = false;
    MAL_TRY(agree(s));
    if (2 * s->claims.cap > SHARE3_CLAIMS_MAX)
        forget_claims(&s->claims);
    return MAL_OK;
}
