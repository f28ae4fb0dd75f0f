/* Intersections against plain ones, at many sizes. */
#include "psi_scene.h"

static const mal_psi_security both[] = { MAL_PSI_MALICIOUS,
                                         MAL_PSI_SEMI_HONEST };

/* The slow model: every key against every key. */
static void check_against_model(const psi_scene *c) {
    CHECK_OK(c->r_err);
    CHECK_OK(c->s_err);
    for (size_t i = 0; i < c->x.n; i++) {
        bool found = false;
        for (size_t j = 0; j < c->y.n; j++)
            found |= mal_equal(&c->xs[i], &c->ys[j], MAL_PSI_KEY);
        CHECK_EQ(psi_scene_hit(c, i), found);
    }
    for (size_t i = c->x.n; i < (c->x.n + 63) / 64 * 64; i++)
        CHECK(!psi_scene_hit(c, i));
}

TEST(hits_are_the_plain_intersection_at_many_sizes) {
    static const struct {
        size_t nx, ny;
        uint64_t shift;
    } cases[] = {
        { 0, 0, 0 },       { 0, 5, 0 },         { 5, 0, 0 },
        { 1, 1, 0 },       { 1, 1, 1 },         { 2, 3, 1 },
        { 64, 64, 0 },     { 64, 64, 64 },      { 100, 1, 99 },
        { 1, 100, 0 },     { 500, 300, 250 },   { 3, 4000, 0 },
        { 4000, 3, 3998 }, { 1500, 1500, 750 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (unsigned s = 0; s < 2; s++) {
            psi_scene c;
            psi_scene_new(&c, cases[i].nx, cases[i].ny, cases[i].shift,
                          both[s]);
            psi_scene_go(&c);
            check_against_model(&c);
            psi_scene_done(&c);
        }
}

TEST(many_bins_parts_and_messages_agree_with_the_rule) {
    for (unsigned s = 0; s < 2; s++) {
        psi_scene c;
        psi_scene_new(&c, 150000, 120000, 100000, both[s]);
        c.rp.threads = 2;
        c.sp.threads = 3;
        psi_scene_go(&c);
        CHECK_OK(c.r_err);
        CHECK_OK(c.s_err);
        for (size_t i = 0; i < c.x.n; i++)
            CHECK_EQ(psi_scene_hit(&c, i), i >= 100000);
        psi_scene_done(&c);
    }
}

TEST_MAIN
