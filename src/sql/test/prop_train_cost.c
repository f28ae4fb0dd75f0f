/* What explain says that a model costs is what three parties count, with the
 * proofs of malicious runs. */
#include "sql_test.h"

#include "../train_impl.h"

#include <string.h>

typedef struct seat {
    const mal_sql_physical *physical;
    mal_share3_options options;
    mal_share3_counters count;
} seat;

static const int64_t zeros[1 << 16];

/* All rows, of owner 0, are zero; as those of a dry engine. */
static mal_err input(mal_obl_table *t, mal_obl *o, unsigned me,
                     const mal_sql_part *part) {
    const size_t n = part->rows_max ? (size_t)part->rows_max : 1;
    CHECK(16 * n <= sizeof zeros);
    MAL_TRY(mal_obl_table_new(o, t, n, part->n_out, n));
    for (unsigned k = 0; k < part->n_out; k++) {
        if (part->out[k].opaque) {
            const void *ids = me == 0 ? zeros : NULL;
            MAL_TRY(mal_obl_id_input(o, &t->columns[k], &part->out[k], 0, ids,
                                     NULL, n));
            continue;
        }
        MAL_TRY(mal_obl_column_input(o, &t->columns[k], &part->out[k], 0,
                                     me == 0 ? zeros : NULL, NULL, n));
        MAL_TRY(mal_obl_clamp(o, &t->columns[k]));
    }
    return MAL_OK;
}

static mal_err train(seat *p, mal_obl *o, mal_share3 *s, mal_obl_table *t) {
    MAL_AUTO(mal_share3_words_clear) mal_share3_words model = { 0 };
    const mal_share3_counters before = mal_share3_count(s);
    for (unsigned i = 0; i < p->physical->n_parts; i++)
        MAL_TRY(input(&t[i], o, mal_share3_me(s), &p->physical->parts[i]));
    MAL_TRY(mal_sql_train_share3(&model, o, s, p->physical, t, zeros));
    MAL_TRY(mal_share3_words_refresh(s, &model, &model));
    MAL_TRY(mal_share3_verify(s));
    p->count = mal_share3_count(s);
    p->count.rounds -= before.rounds;
    p->count.bytes -= before.bytes;
    return MAL_OK;
}

static mal_err sit(void *ctx, mal_mesh *mesh) {
    seat *p = (seat *)ctx + mesh->me;
    mal_share3 *s = NULL;
    mal_obl *o = NULL;
    mal_obl_table t[4] = { { 0 } };
    CHECK(p->physical->n_parts <= 4);
    mal_err err = mal_share3_open(&s, mesh, &p->options);
    if (err == MAL_OK)
        err = mal_obl_open(&o, s);
    if (err == MAL_OK)
        err = train(p, o, s, t);
    for (unsigned i = 0; i < 4; i++)
        mal_obl_table_clear(&t[i]);
    mal_obl_close(&o);
    mal_share3_close(&s);
    return err;
}

static void compare(const char *text, bool counted,
                    mal_share3_security security) {
    mal_arena *arena = test_arena();
    const mal_sql_split_options options = { .share3 = true,
                                            .group_count = counted };
    seat p[3] = { { 0 } };
    mal_obl_cost told;
    const mal_sql_plan *plan;
    CHECK_OK(plan_of(&plan, arena, text));
    for (unsigned i = 0; i < 3; i++) {
        p[i].options.security = security;
        memset(p[i].options.session, 7, sizeof p[i].options.session);
        CHECK_OK(mal_sql_split(&p[i].physical, arena, plan,
                               test_contract(arena), &options));
    }
    CHECK_OK(mal_sql_share3_cost(&told, p[0].physical, security, NULL));
    CHECK_OK(mal_mesh_run(3, 60000, sit, p));
    uint64_t rounds = 0, bytes = 0;
    for (unsigned i = 0; i < 3; i++) {
        rounds = p[i].count.rounds > rounds ? p[i].count.rounds : rounds;
        bytes = p[i].count.bytes > bytes ? p[i].count.bytes : bytes;
    }
    CHECK_THAT(told.rounds == rounds, "%s: %llu rounds, foretold %llu", text,
               (unsigned long long)rounds, (unsigned long long)told.rounds);
    CHECK_THAT(told.bytes == bytes, "%s: %llu bytes, foretold %llu", text,
               (unsigned long long)bytes, (unsigned long long)told.bytes);
}

TEST(a_model_costs_what_is_foretold) {
    static const char *const all[] = {
        "TRAIN linear (steps 3) PREDICT engines AS SELECT year, engines FROM "
        "faa.planes",
        "TRAIN logistic (steps 2) PREDICT big AS SELECT year, year * 2 AS y2, "
        "CASE WHEN engines > 2 THEN 1 ELSE 0 END AS big FROM faa.planes WHERE "
        "year > 1990",
        "TRAIN trees (trees 1, depth 2) PREDICT engines AS SELECT year, "
        "engines FROM faa.planes",
    };
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
        for (unsigned k = 0; k < 4; k++)
            compare(all[i], k & 1,
                    k & 2 ? MAL_SHARE3_MALICIOUS : MAL_SHARE3_SEMI_HONEST);
}

TEST_MAIN
