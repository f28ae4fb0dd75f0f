/* record.c - what was multiplied since it was last verified. */
#include "proof_impl.h"

/* Words between the arrays of a record, so that what lies at the same place of
 * each does not compete for the same lines of a cache. */
#define APART ((size_t)40)

#define RECORD_WORDS (6 * (SHARE3_RECORD_MAX + APART) + SHARE3_LINE)

static void forget(share3_record *r) {
    uint64_t *const all[6] = { r->x[0], r->y[0], r->e[0],
                               r->x[1], r->y[1], r->e[1] };
    for (unsigned i = 0; i < 6 && r->memory; i++)
        mal_wipe(all[i], r->used * sizeof(uint64_t));
    mal_free(r->memory);
    *r = (share3_record){ 0 };
}

static void forget_claims(share3_claims *c) {
    for (unsigned i = 0; i < 4; i++) {
        uint64_t *const both[2] = { c->x[i / 2][i % 2], c->y[i / 2][i % 2] };
        for (unsigned k = 0; k < 2; k++) {
            if (both[k])
                mal_wipe(both[k], c->used * sizeof(uint64_t));
            mal_free(both[k]);
        }
    }
    *c = (share3_claims){ 0 };
}

void share3_record_clear(mal_share3 *s) {
    forget(&s->record[0]);
    forget(&s->record[1]);
    forget_claims(&s->claims);
    share3_matrices_clear(&s->matrices);
    share3_proof_clear(s);
}

static mal_err grow_one(uint64_t **a, size_t old, size_t cap) {
    uint64_t *bigger = mal_calloc(cap, sizeof *bigger);
    if (!bigger)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    if (*a) {
        memcpy(bigger, *a, old * sizeof *bigger);
        mal_wipe(*a, old * sizeof *bigger);
    }
    mal_free(*a);
    *a = bigger;
    return MAL_OK;
}

/* All at once: pages that are not reached are never made. */
static mal_err grow(share3_record *r, size_t n) {
    if (n > r->used)
        r->used = n;
    if (r->memory)
        return MAL_OK;
    r->memory = mal_calloc(RECORD_WORDS, sizeof(uint64_t));
    if (!r->memory)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    uint64_t *next = share3_align(r->memory);
    uint64_t **const all[6] = { &r->x[0], &r->y[0], &r->e[0],
                                &r->x[1], &r->y[1], &r->e[1] };
    for (unsigned i = 0; i < 6; i++, next += SHARE3_RECORD_MAX + APART)
        *all[i] = next;
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
    for (unsigned i = 0; i < 4; i++) {
        MAL_TRY(grow_one(&c->x[i / 2][i % 2], c->used, cap));
        MAL_TRY(grow_one(&c->y[i / 2][i % 2], c->used, cap));
    }
    c->cap = cap;
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
        cap *= 2;
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
    MAL_TRY(share3_same_word(s, SHARE3_PROOF, VERIFIED, false));
    return share3_same_word(s, SHARE3_PROOF, VERIFIED, true);
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
