/* tee_test.h - pieces of evidence of the published vectors, and their judging.
 */
#ifndef MALUS_TEE_TEST_H
#define MALUS_TEE_TEST_H

#include "mal_test.h"

#include <malus/tee.h>

#define TEST_ENDORSEMENTS 4

/* One input whose bytes the test may change. */
typedef struct tee_case {
    mal_tee_kind kind;
    const char *evidence;
    const char *endorsements[TEST_ENDORSEMENTS]; /* NULL ends them */
    const char *anchor, *time;
} tee_case;

typedef struct tee_input {
    mal_tee_input in;
    mal_buf evidence, endorsements[TEST_ENDORSEMENTS];
    mal_bytes views[TEST_ENDORSEMENTS];
    mal_arena *arena;
    mal_tee_verdict verdict;
} tee_input;

static inline void tee_input_clear(tee_input *t) {
    mal_buf_clear(&t->evidence);
    for (size_t i = 0; i < TEST_ENDORSEMENTS; i++)
        mal_buf_clear(&t->endorsements[i]);
    mal_arena_free(t->arena);
}

static inline void tee_load_file(mal_buf *out, const char *name) {
    char path[256];
    snprintf(path, sizeof path, "attestation/%s", name);
    CHECK_OK(mal_file_read(out, mal_test_vector(path), MAL_TEE_EVIDENCE_MAX));
}

static inline void tee_load(tee_input *t, const tee_case *c) {
    *t = (tee_input){ .in = { .kind = c->kind } };
    tee_load_file(&t->evidence, c->evidence);
    for (size_t i = 0; i < TEST_ENDORSEMENTS && c->endorsements[i]; i++) {
        tee_load_file(&t->endorsements[i], c->endorsements[i]);
        t->in.n_endorsements++;
    }
    CHECK_OK(mal_tee_anchor_parse(&t->in.anchor, c->anchor));
    CHECK_OK(mal_time_parse(&t->in.time, c->time));
}

/* The code for the bytes as they are now; the claims live until the next. */
static inline mal_tee_code tee_judge(tee_input *t) {
    mal_arena_free(t->arena);
    t->arena = mal_arena_new(MAL_TEE_ARENA_BYTES);
    CHECK(t->arena);
    t->in.evidence = mal_buf_view(&t->evidence);
    for (size_t i = 0; i < t->in.n_endorsements; i++)
        t->views[i] = mal_buf_view(&t->endorsements[i]);
    t->in.endorsements = t->views;
    CHECK_OK(mal_tee_verify(&t->verdict, t->arena, &t->in));
    CHECK((t->verdict.answer == MAL_TEE_ACCEPT) ==
          (t->verdict.code == MAL_TEE_OK));
    return t->verdict.code;
}
#define CHECK_CODE(t, wanted)                                                  \
    CHECK_STR(mal_tee_code_name(tee_judge(t)), mal_tee_code_name(wanted))

static inline mal_tee_code tee_judge_at(tee_input *t, const char *time) {
    CHECK_OK(mal_time_parse(&t->in.time, time));
    return tee_judge(t);
}
#define CHECK_CODE_AT(t, time, wanted)                                         \
    CHECK_STR(mal_tee_code_name(tee_judge_at(t, time)),                        \
              mal_tee_code_name(wanted))

/* Bits between flips; MAL_FLIPS=all flips each of them (make flips). */
static inline size_t tee_flip_step(size_t otherwise) {
    const char *text = getenv("MAL_FLIPS");
    return text && strcmp(text, "all") == 0 ? 1 : otherwise;
}

/* Accepted as it is; with any one bit flipped in bytes [from, to), not. */
static inline void tee_check_flips(tee_input *t, mal_buf *bytes, size_t from,
                                   size_t to, size_t step) {
    CHECK_EQ(tee_judge(t), MAL_TEE_OK);
    for (size_t i = 8 * from; i < 8 * to; i += tee_flip_step(step)) {
        bytes->ptr[i / 8] ^= (uint8_t)(1 << i % 8);
        CHECK_THAT(tee_judge(t) != MAL_TEE_OK &&
                       t->verdict.answer == MAL_TEE_REJECT,
                   "bit %zu may be flipped", i);
        bytes->ptr[i / 8] ^= (uint8_t)(1 << i % 8);
    }
}

/* With the last bytes missing, at every length: refused.  A last newline means
 * nothing. */
static inline void tee_check_cuts(tee_input *t, mal_buf *bytes, size_t step) {
    size_t len = bytes->len;
    CHECK_EQ(tee_judge(t), MAL_TEE_OK);
    size_t end = len && bytes->ptr[len - 1] == '\n' ? len - 1 : len;
    for (size_t i = 0; i < end; i += step) {
        bytes->len = i;
        CHECK_THAT(tee_judge(t) != MAL_TEE_OK, "%zu bytes of it will do", i);
    }
    bytes->len = len;
}

#endif
