/* The recipient of a share3 answer: parts add up, and a seat that lies about
 * one is contradicted. */
#include "mal_test.h"

#include "../room_impl.h"

#include <string.h>

#define N 5
static uint8_t sealed[3][16 * N];
static mal_bytes seats[3];
static int64_t truth[N];

static void make(void) {
    uint64_t x[3][N];
    mal_prim_random(x, sizeof x);
    mal_prim_random(truth, sizeof truth);
    for (unsigned w = 0; w < N; w++)
        x[2][w] = (uint64_t)truth[w] - x[0][w] - x[1][w];
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned w = 0; w < N; w++) {
            mal_store_u64le(sealed[i] + 8 * w, x[i][w]);
            mal_store_u64le(sealed[i] + 8 * (N + w), x[(i + 1) % 3][w]);
        }
        seats[i] = mal_bytes_of(sealed[i], sizeof sealed[i]);
    }
}

TEST(the_parts_of_three_seats_are_the_answer) {
    for (int k = 0; k < 100; k++) {
        int64_t cells[N] = { 0 };
        make();
        CHECK_OK(room_parts3_add(cells, N, seats));
        CHECK_EQ(memcmp(cells, truth, sizeof cells), 0);
    }
}

TEST(a_seat_that_changes_any_bit_of_any_part_is_contradicted) {
    make();
    for (unsigned i = 0; i < 3; i++)
        for (size_t bit = 0; bit < 8 * sizeof sealed[i]; bit++) {
            int64_t cells[N] = { 0 };
            sealed[i][bit / 8] ^= (uint8_t)(1u << bit % 8);
            CHECK_ERR(room_parts3_add(cells, N, seats), MAL_E_PEER);
            for (unsigned w = 0; w < N; w++)
                CHECK_EQ(cells[w], 0);
            sealed[i][bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
}

TEST(parts_of_another_size_are_refused) {
    make();
    for (unsigned i = 0; i < 3; i++) {
        int64_t cells[N] = { 0 };
        seats[i].len -= 8;
        CHECK_ERR(room_parts3_add(cells, N, seats), MAL_E_PEER);
        seats[i].len = 0;
        CHECK_ERR(room_parts3_add(cells, N, seats), MAL_E_PEER);
        seats[i].len = sizeof sealed[i];
    }
}

TEST_MAIN
