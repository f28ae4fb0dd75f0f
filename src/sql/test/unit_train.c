/* TRAIN: the statement, what policy hears of it, what its noise must cover, and
 * the model as a table. */
#include "sql_test.h"

#include <string.h>

#define PLANES "AS SELECT year, engines FROM faa.planes"
#define LATE                                                                   \
    "AS SELECT f.delay, p.year, p.engines FROM jfk.flights f JOIN faa.planes " \
    "p USING (tailnum)"

static const mal_sql_split_options SHARE3 = { .share3 = true };

static const mal_sql_plan *plan(mal_arena *arena, const char *text) {
    const mal_sql_plan *p;
    mal_err err = plan_of(&p, arena, text);
    CHECK_THAT(err == MAL_OK, "%s: %s", text, mal_err_message());
    return p;
}

static const mal_sql_physical *split(mal_arena *arena, const char *text,
                                     bool counted) {
    mal_sql_split_options options = SHARE3;
    const mal_sql_physical *p;
    options.group_count = counted;
    const mal_sql_plan *l = plan(arena, text);
    CHECK_OK(mal_sql_split(&p, arena, l, test_contract(arena), &options));
    return p;
}

static void check_refused(const char *text, mal_err err, const char *says) {
    mal_arena *arena = test_arena();
    const mal_sql_plan *p;
    mal_err got = plan_of(&p, arena, text);
    CHECK_THAT(got == err && strstr(mal_err_message(), says), "%s: %s", text,
               mal_err_message());
}

static uint32_t how(const mal_policy_facts *f, const char *column) {
    mal_arena *arena = mal_arena_new(1 << 22);
    const mal_policy_contract *c = test_contract(arena);
    uint32_t found = 0;
    for (uint32_t i = 0; i < f->n_uses; i++) {
        const mal_policy_dataset *d = &c->datasets[f->uses[i].dataset];
        if (strcmp(d->columns[f->uses[i].column].name, column) == 0)
            found |= f->uses[i].how;
    }
    mal_arena_free(arena);
    return found;
}

TEST(policy_hears_the_model_and_every_column_that_it_learns_from) {
    mal_arena *arena = test_arena();
    mal_policy_facts f = { 0 };
    CHECK_OK(mal_sql_plan_facts(
        &f, arena,
        plan(arena, "TRAIN linear PREDICT delay AS SELECT delay, CASE WHEN "
                    "carrier = 'AA' THEN 1 ELSE 0 END AS aa FROM jfk.flights "
                    "WHERE month < 6")));
    CHECK_EQ(f.operations, MAL_POLICY_OP_TRAIN);
    CHECK_EQ(f.n_train, 1);
    CHECK_STR(f.train[0], "linear");
    CHECK_EQ(how(&f, "delay"), MAL_POLICY_USE_TRAIN);
    CHECK_EQ(how(&f, "carrier"), MAL_POLICY_USE_TRAIN | MAL_POLICY_USE_FILTER);
    CHECK_EQ(how(&f, "month"), MAL_POLICY_USE_FILTER);
    CHECK_EQ(f.rows_max, 2); /* a weight, an intercept */
}

TEST(what_is_said_otherwise_is_the_same_plan_and_what_it_means_is_in_its_hash) {
    mal_arena *arena = test_arena();
    static const char *const same[] = {
        "TRAIN linear (steps 200, ridge 0.01) PREDICT engines " PLANES,
        "  train LINEAR(ridge 0.010,steps 200)\npredict engines\nas select "
        "year, engines from faa.planes p",
        "TRAIN linear PREDICT engines " PLANES,
    };
    static const char *const others[] = {
        "TRAIN linear (steps 201) PREDICT engines " PLANES,
        "TRAIN linear (ridge 0.02) PREDICT engines " PLANES,
        "TRAIN linear PREDICT year " PLANES,
        "TRAIN linear (delta 1e-9) PREDICT engines " PLANES,
        "TRAIN trees PREDICT engines " PLANES,
        "TRAIN trees (bins 8) PREDICT engines " PLANES,
        "TRAIN trees (rate 0.4) PREDICT engines " PLANES,
        "SELECT year, engines FROM faa.planes",
    };
    mal_prim_hash first, h;
    CHECK_OK(mal_sql_plan_hash(&first, plan(arena, same[0])));
    for (size_t i = 1; i < sizeof same / sizeof *same; i++) {
        CHECK_OK(mal_sql_plan_hash(&h, plan(arena, same[i])));
        CHECK(mal_equal(h.b, first.b, 32));
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        CHECK_OK(mal_sql_plan_hash(&h, plan(arena, others[i])));
        CHECK_THAT(!mal_equal(h.b, first.b, 32), "%s", others[i]);
    }
}

TEST(noise_must_cover_what_one_unit_moves) {
    mal_arena *arena = test_arena();
    const mal_sql_physical *p =
        split(arena, "TRAIN linear PREDICT delay " LATE, true);
    CHECK(p->training && p->training->counted);
    CHECK_EQ(p->n_cells, 3 + 1); /* and a count of rows */
    CHECK_EQ(p->n_aggs, 1);
    /* one tail: 40 flights, and one plane that 40 flights meet */
    CHECK_EQ(p->rows_per_unit, 80);
    CHECK_EQ(p->training->release.words, 3 * 4 / 2 + 3);
    CHECK_EQ(p->training->release.steps, 1);
    CHECK(p->training->release.change == (uint64_t)1 << 40);
    CHECK(strstr(p->text, "train linear (200 steps, ridge 0.010000000) of "
                          "delay by year, engines"));
    CHECK(strstr(p->text, "a row moves 9 words of a step"));
    p = split(arena, "TRAIN trees (trees 2, depth 2) PREDICT delay " LATE,
              false);
    CHECK_EQ(p->n_cells, 2 * 7);
    CHECK_EQ(p->training->release.steps, 4);
    CHECK(!p->training->counted);
}

TEST(weights_are_shown_with_the_bounds_that_they_count_in) {
    mal_arena *arena = test_arena();
    const mal_sql_physical *p =
        split(arena, "TRAIN linear PREDICT engines " PLANES, true);
    const int64_t one = (int64_t)1 << MAL_TRAIN_WEIGHT_BITS;
    const int64_t words[] = { one / 2, -one / 4, 1234 };
    const uint64_t half[] = { 9, 9, 7 };
    mal_sql_table t;
    mal_sql_finish_options least = { .group_min = 1000 };
    MAL_AUTO(mal_buf_clear) mal_buf csv = { 0 };
    const char *text;
    CHECK_OK(mal_sql_finish(&t, arena, p, words, half, &least));
    CHECK_OK(mal_sql_table_csv(&csv, &t));
    CHECK_OK(mal_buf_cstr(&csv, &text));
    CHECK_STR(text, "term,weight,low,high\r\nyear,0.500000000,1950,2013\r\n"
                    "intercept,-0.250000000,,\r\nengines,,1,4\r\n"
                    "rows,1234.000000000,,\r\n");
    CHECK(t.halfwidths[4 * 3 + 1] == UINT64_C(7000000000));
    CHECK(t.halfwidths[1] == MAL_SQL_HALFWIDTH_NONE);
    least.group_min = 1235;
    CHECK_OK(mal_sql_finish(&t, arena, p, words, half, &least));
    CHECK_EQ(t.n_suppressed, 1);
    for (size_t i = 0; i < t.n_rows; i++)
        CHECK(t.nulls[4 * i + 1] && t.suppressed[i]);
}

TEST(splits_of_trees_are_shown_in_the_units_of_their_columns) {
    mal_arena *arena = test_arena();
    /* 64 years in 16 bins of 4; rows with engines = 1 .. 2 to the left */
    const mal_sql_physical *p = split(
        arena,
        "TRAIN trees (trees 1, depth 1) PREDICT boeing AS SELECT year, "
        "engines, CASE WHEN maker = 'BOEING' THEN 1 ELSE 0 END AS boeing FROM "
        "faa.planes",
        false);
    static const struct {
        int64_t split;
        const char *shown;
    } cases[] = {
        { 0 * 16 + 2, "1,0,year,1961," },
        { 0 * 16 + 15, "1,0,year,2013," },
        { 1 * 16 + 1, "1,0,engines,2," },
        { 2 * 16, "1,0,,," }, /* no such feature */
        { -1, "1,0,,," },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MAL_AUTO(mal_buf_clear) mal_buf csv = { 0 };
        const int64_t words[] = { cases[i].split, 1 << 19, -(1 << 18) };
        mal_sql_table t;
        const char *text;
        CHECK_OK(mal_sql_finish(&t, arena, p, words, NULL, NULL));
        CHECK_OK(mal_sql_table_csv(&csv, &t));
        CHECK_OK(mal_buf_cstr(&csv, &text));
        CHECK_THAT(strstr(text, cases[i].shown), "%s in %s", cases[i].shown,
                   text);
        CHECK(strstr(text, "1,1,leaf,,0.500000\r\n1,2,leaf,,-0.250000"));
    }
}

TEST(a_head_that_is_no_training_is_refused_with_its_place) {
    check_refused("TRAIN PREDICT year " PLANES, MAL_E_INPUT,
                  "no model predict");
    check_refused("TRAIN linear year " PLANES, MAL_E_INPUT, "1:14: predict");
    check_refused("TRAIN linear\nPREDICT year SELECT 1", MAL_E_INPUT,
                  "2:14: AS SELECT");
    check_refused("TRAIN linear (steps) PREDICT year " PLANES, MAL_E_INPUT,
                  "1:20: a decimal");
    check_refused("TRAIN linear (steps 1.5) PREDICT year " PLANES, MAL_E_INPUT,
                  "steps: take 1 to 10000, whole");
    check_refused("TRAIN linear (steps 1, steps 1) PREDICT year " PLANES,
                  MAL_E_INPUT, "said twice");
    check_refused("TRAIN linear (bins 4) PREDICT year " PLANES, MAL_E_INPUT,
                  "no option bins");
    check_refused("TRAIN trees (bins 12) PREDICT year " PLANES, MAL_E_INPUT,
                  "a power of 2");
    check_refused("TRAIN linear (ridge 101) PREDICT year " PLANES, MAL_E_INPUT,
                  "ridge: take 1e-06 to 100");
    check_refused("TRAIN logistic (ridge 2) PREDICT year " PLANES, MAL_E_INPUT,
                  "ridge of logistic: at most 1");
    check_refused("TRAIN linear PREDICT year AS SELECT year, engine\nFROM "
                  "faa.planes",
                  MAL_E_INPUT, "1:43:");
    check_refused("TRAIN linear (delta 0.1) PREDICT year " PLANES, MAL_E_INPUT,
                  "a delta like 1e-9");
    check_refused("TRAIN linear (delta 1e-1) PREDICT year " PLANES, MAL_E_INPUT,
                  "take 1e-2 to 1e-15");
    check_refused("TRAIN linear (delta 1e-x) PREDICT year " PLANES, MAL_E_INPUT,
                  "take 1e-2 to 1e-15");
    check_refused("TRAIN", MAL_E_INPUT, "TRAIN");
}

TEST(what_cannot_be_learned_from_is_refused_by_name) {
    check_refused("TRAIN linear PREDICT year AS SELECT year FROM faa.planes",
                  MAL_E_INPUT, "no column to predict year by");
    check_refused("TRAIN linear PREDICT late " PLANES, MAL_E_INPUT,
                  "no column late");
    check_refused("TRAIN logistic PREDICT engines " PLANES, MAL_E_INPUT,
                  "two classes");
    check_refused("TRAIN linear PREDICT year AS SELECT year, maker FROM "
                  "faa.planes",
                  MAL_E_UNSUPPORTED, "labels");
    check_refused("TRAIN linear PREDICT year AS SELECT year, 3 AS three FROM "
                  "faa.planes",
                  MAL_E_INPUT, "three has one value");
    check_refused("TRAIN linear PREDICT year AS SELECT year, engines FROM "
                  "faa.planes LIMIT 3",
                  MAL_E_UNSUPPORTED, "LIMIT");
}

TEST(rows_that_no_release_may_sum_are_not_trained_on) {
    mal_arena *arena = test_arena();
    static const char *const texts[] = {
        "TRAIN linear PREDICT n AS SELECT year, count(*) AS n FROM faa.planes "
        "GROUP BY year",
        "TRAIN linear PREDICT year AS SELECT year, engines FROM (SELECT year, "
        "engines FROM faa.planes ORDER BY year LIMIT 9) p",
    };
    for (size_t i = 0; i < 2; i++) {
        const mal_sql_physical *p;
        const mal_sql_plan *l = plan(arena, texts[i]);
        CHECK_EQ(mal_sql_split(&p, arena, l, test_contract(arena), &SHARE3),
                 MAL_E_UNSUPPORTED);
    }
}

TEST(share3_alone_trains) {
    mal_arena *arena = test_arena();
    const mal_sql_plan *l = plan(arena, "TRAIN linear PREDICT engines " PLANES);
    const mal_sql_physical *p;
    CHECK(mal_sql_plan_trains(l));
    CHECK_EQ(mal_sql_split(&p, arena, l, test_contract(arena), NULL),
             MAL_E_UNSUPPORTED);
}

TEST_MAIN
