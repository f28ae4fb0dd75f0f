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

TEST(unbalanced_sets_agree_with_the_rule) {
    static const size_t n[2] = { 40, 90000 };
    for (unsigned s = 0; s < 4; s++) {
        psi_scene c;
        psi_scene_new(&c, n[s / 2], n[1 - s / 2], 20, both[s % 2]);
        psi_scene_go(&c);
        CHECK_OK(c.r_err);
        CHECK_OK(c.s_err);
        for (size_t i = 0; i < c.x.n; i++)
            CHECK_EQ(psi_scene_hit(&c, i), i >= 20 && i < 20 + c.y.n);
        psi_scene_done(&c);
    }
}

/* Pitfall 5. */
TEST(pitfall_05_copies_are_refused_or_merged_as_the_set_says) {
    for (unsigned side = 0; side < 2; side++)
        for (unsigned merge = 0; merge < 2; merge++) {
            psi_scene c;
            psi_scene_new(&c, 300, 300, 100, MAL_PSI_MALICIOUS);
            mal_psi_key *keys = side ? c.ys : c.xs;
            keys[17] = keys[250] = keys[140];
            (side ? &c.y : &c.x)->merge = merge;
            psi_scene_go(&c);
            if (merge) {
                check_against_model(&c);
            } else {
                CHECK_EQ(side ? c.s_err : c.r_err, MAL_E_INPUT);
                for (size_t i = 0; i < 5; i++)
                    CHECK_EQ(c.hits[i], 0);
            }
            psi_scene_done(&c);
        }
}

TEST(all_equal_keys_are_one_key) {
    psi_scene c;
    psi_scene_new(&c, 70000, 70000, 0, MAL_PSI_SEMI_HONEST);
    for (size_t i = 0; i < 70000; i++)
        c.xs[i] = c.ys[i] = c.xs[0];
    c.x.merge = c.y.merge = true;
    psi_scene_go(&c);
    CHECK_OK(c.r_err);
    CHECK_OK(c.s_err);
    for (size_t i = 0; i < c.x.n; i++)
        CHECK(psi_scene_hit(&c, i));
    psi_scene_done(&c);
    psi_scene_new(&c, 70000, 3, 0, MAL_PSI_SEMI_HONEST);
    for (size_t i = 0; i < 70000; i++)
        c.xs[i] = c.xs[0];
    psi_scene_go(&c);
    CHECK_EQ(c.r_err, MAL_E_INPUT);
    psi_scene_done(&c);
}

/* Pitfall 11: what is on the wire follows from the declared bounds. */
TEST(pitfall_11_equal_bounds_give_equal_traces_whatever_the_sets) {
    static const size_t cases[][3] = {
        { 0, 0, 0 }, { 1, 900, 0 }, { 700, 900, 0 }, { 700, 2, 5000 }
    };
    for (unsigned s = 0; s < 2; s++) {
        uint64_t first[2] = { 0, 0 };
        for (size_t i = 0; i < 4; i++) {
            psi_scene c;
            psi_scene_new(&c, cases[i][0], cases[i][1], cases[i][2], both[s]);
            c.rp.receiver_max = c.sp.receiver_max = 700;
            c.rp.sender_max = c.sp.sender_max = 900;
            psi_scene_go(&c);
            check_against_model(&c);
            CHECK(i == 0 || (c.r.trace == first[0] && c.s.trace == first[1]));
            first[0] = c.r.trace;
            first[1] = c.s.trace;
            psi_scene_done(&c);
        }
    }
}

TEST(costs_told_beforehand_are_what_a_run_sends) {
    static const size_t n[][2] = { { 1, 1 }, { 3000, 20 }, { 20000, 70000 } };
    for (size_t i = 0; i < 6; i++) {
        psi_scene c;
        uint64_t bytes, rounds;
        psi_scene_new(&c, n[i / 2][0], n[i / 2][1], 0, both[i % 2]);
        CHECK_OK(mal_psi_cost(&bytes, &rounds, &c.rp));
        psi_scene_go(&c);
        CHECK_OK(c.r_err);
        const uint64_t sent = c.r.bytes + c.s.bytes;
        const uint64_t off = sent > bytes ? sent - bytes : bytes - sent;
        CHECK_THAT(off < 500000 + sent / 100, "%llu sent, %llu told",
                   (unsigned long long)sent, (unsigned long long)bytes);
        CHECK(rounds >= 3 && rounds < 20);
        psi_scene_done(&c);
    }
}

/* Pitfall 8: one multiset of masks has one order. */
TEST(pitfall_08_the_senders_order_does_not_show_in_its_masks) {
    static const size_t sizes[] = { 0, 1, 2, 17, 4096, 4097, 100000 };
    uint64_t seed = mal_test_seed();
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        const size_t n = sizes[k];
        mal_psi_block *a = mal_ot_blocks_new(n + 1);
        mal_psi_block *b = mal_ot_blocks_new(n + 1);
        for (size_t i = 0; i < n; i++) {
            a[i].w[0] = mal_test_rand(&seed);
            a[i].w[1] = mal_test_rand(&seed);
            if (i % 7 == 3) /* equal first words are ordered by the second */
                a[i].w[0] = a[i - 1].w[0];
            b[i] = a[i];
        }
        for (size_t i = n; i > 1; i--) {
            size_t j = mal_test_rand(&seed) % i;
            mal_psi_block t = b[i - 1];
            b[i - 1] = b[j];
            b[j] = t;
        }
        CHECK_OK(psi_masks_sort(a, n));
        CHECK_OK(psi_masks_sort(b, n));
        for (size_t i = 0; i < n; i++) {
            CHECK(a[i].w[0] == b[i].w[0] && a[i].w[1] == b[i].w[1]);
            CHECK(i == 0 || a[i - 1].w[0] < a[i].w[0] ||
                  (a[i - 1].w[0] == a[i].w[0] && a[i - 1].w[1] < a[i].w[1]));
        }
        mal_ot_blocks_free(a);
        mal_ot_blocks_free(b);
    }
}

/* Pitfall 9. */
TEST(pitfall_09_masks_are_never_shorter_than_their_bound) {
    for (unsigned nx = 0; nx <= 25; nx++)
        for (unsigned ny = 0; ny <= 25; ny++)
            for (unsigned s = 0; s < 2; s++) {
                mal_psi_params q = { .receiver_max = UINT64_C(1) << nx,
                                     .sender_max = UINT64_C(1) << ny,
                                     .security = both[s] };
                psi_run run;
                CHECK_OK(psi_run_init(&run, NULL, &q, NULL));
                const unsigned bits = run.prefix_bits + 8 * run.mask_bytes;
                CHECK(bits >=
                      (both[s] == MAL_PSI_MALICIOUS ? 128 : 40 + nx + ny));
                CHECK(run.mask_bytes <= 16 && run.prefix_bits <= 24);
                psi_run_clear(&run);
            }
}

/* Pitfall 6: in malicious mode both hashes are SHA-256 of session and input. */
TEST(pitfall_06_malicious_masks_come_from_sha256) {
    mal_psi_params q = { .receiver_max = 1, .sender_max = 1 };
    psi_run run;
    CHECK_OK(psi_run_init(&run, NULL, &q, NULL));
    static const char *const labels[] = { "malus psi v2 key",
                                          "malus psi v2 mask" };
    struct {
        mal_psi_block v;
        mal_psi_key x;
    } in = { { { 1, 2 } }, { { 3 } } };
    mal_psi_block got[2];
    psi_hash_keys(&run, &got[0], &in.x, 1);
    psi_hash_masks(&run, &got[1], &in.v, &in.x, 1);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t whole[64 + 32] = { 0 };
        const mal_bytes session = mal_bytes_of(run.wire.session.b, 32);
        mal_prim_hash h;
        mal_prim_hash_parts(&h, labels[i], &session, 1);
        memcpy(whole, h.b, 32);
        memcpy(whole + 64, i ? (const void *)&in : &in.x, i ? 32 : 16);
        mal_prim_sha256_of(&h, mal_bytes_of(whole, i ? 96 : 80));
        CHECK(mal_equal(h.b, &got[i], 16));
    }
    psi_run_clear(&run);
}

/* The law that masks rest on: K decodes to C + Delta P. */
TEST(every_way_to_multiply_agrees_with_the_field_of_ot) {
    uint64_t seed = mal_test_seed();
    for (size_t w = 0; w < psi_field_ways_n; w++) {
        if (!psi_field_ways[w].usable())
            continue;
        for (unsigned run = 0; run < 300; run++) {
            mal_psi_block a[5], io[5], was[5], delta;
            for (unsigned i = 0; i < 5; i++) {
                a[i] = (mal_psi_block){ { mal_test_rand(&seed),
                                          mal_test_rand(&seed) } };
                was[i] = io[i] = (mal_psi_block){ { mal_test_rand(&seed), i } };
            }
            delta = a[run % 5];
            a[0] = (mal_psi_block){ { run % 3 - 1, run % 2 - 1 } };
            psi_field_ways[w].add_multiples(io, a, 5, delta);
            for (unsigned i = 0; i < 5; i++) {
                mal_psi_block p = mal_ot_mul(a[i], delta);
                CHECK(io[i].w[0] == (was[i].w[0] ^ p.w[0]));
                CHECK(io[i].w[1] == (was[i].w[1] ^ p.w[1]));
            }
        }
    }
}

TEST_MAIN
