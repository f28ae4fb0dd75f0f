/* Each fast kernel equals its plain twin, which equals the formula. */
#include "../kernels.h"
#include "mal_test.h"

#define N 100

static const share3_kernels *const all[] = { &share3_kernels_plain,
                                             &share3_kernels_avx2,
                                             &share3_kernels_avx512 };
#define EACH_KERNEL(k)                                                         \
    for (unsigned which = 0; which < 3; which++)                               \
        for (const share3_kernels *k = all[which]; k; k = NULL)                \
            if (!k->usable())                                                  \
                printf("# this machine has no %s\n", k->name);                 \
            else

TEST(turning_exchanges_rows_and_bits) {
    EACH_KERNEL(k) {
        uint64_t a[64], b[65];
        mal_test_fill(a, 64);
        memcpy(b + 1, a, sizeof a); /* not aligned */
        k->turn(b + 1);
        for (unsigned i = 0; i < 64; i++)
            for (unsigned j = 0; j < 64; j++)
                CHECK_THAT((a[i] >> j & 1) == (b[1 + j] >> i & 1),
                           "%s: row %u bit %u", k->name, i, j);
    }
}

TEST(rows_become_planes_and_planes_rows_at_all_sizes) {
    for (size_t n = 0; n < 1300; n += n < 140 ? 1 : 97) {
        const unsigned width = (unsigned)(n * 7 % 65);
        const size_t stride = share3_stride(n);
        uint64_t *rows = calloc(n + 1, 8), *back = calloc(n + 1, 8);
        uint64_t *planes = calloc(width * stride + 1, 8);
        mal_test_fill(rows, n);
        planes[width * stride] = back[n] = 77;
        mal_share3_planes_of(planes, rows, n, width);
        for (size_t i = 0; i < n; i++)
            for (unsigned b = 0; b < width; b++)
                CHECK((planes[b * stride + i / 64] >> i % 64 & 1) ==
                      (rows[i] >> b & 1));
        for (unsigned is_signed = 0; is_signed < 2; is_signed++) {
            mal_share3_rows_of(back, planes, n, width, is_signed);
            for (size_t i = 0; i < n && width; i++) {
                const int64_t v = (int64_t)(rows[i] << (64 - width));
                CHECK(back[i] == (is_signed ? (uint64_t)(v >> (64 - width))
                                            : (uint64_t)v >> (64 - width)));
            }
        }
        CHECK(planes[width * stride] == 77 && back[n] == 77);
        free(rows);
        free(back);
        free(planes);
    }
}

TEST(loops_equal_their_formulas_at_all_lengths) {
    EACH_KERNEL(k) for (size_t n = 0; n <= N; n++) {
        uint64_t v[4][N + 1], z[N + 1];
        mal_test_fill(v[0], 4 * (N + 1));
        const uint64_t *const x[2] = { v[0], v[1] };
        const uint64_t *const y[2] = { v[2], v[3] };
        uint64_t sum = 0;
        z[n] = 99;
        k->and (z, x, y, n);
        for (size_t i = 0; i < n; i++)
            CHECK(z[i] ==
                  ((x[0][i] & (y[0][i] ^ y[1][i])) ^ (x[1][i] & y[0][i])));
        k->mul(z, x, y, n);
        for (size_t i = 0; i < n; i++) {
            CHECK(z[i] == x[0][i] * (y[0][i] + y[1][i]) + x[1][i] * y[0][i]);
            sum += z[i];
        }
        CHECK(k->dot(x, y, n) == sum);
        memcpy(z, v[3], n * sizeof *z);
        k->rest_and(z, v[0], v[1], v[2], n);
        for (size_t i = 0; i < n; i++)
            CHECK(z[i] == (v[0][i] ^ (v[1][i] & v[2][i]) ^ v[3][i]));
        memcpy(z, v[3], n * sizeof *z);
        k->rest_mul(z, v[0], v[1], v[2], n);
        for (size_t i = 0; i < n; i++)
            CHECK(z[i] == v[0][i] - v[1][i] * v[2][i] - v[3][i]);
        for (unsigned c = 0; c < 8; c++) {
            const uint64_t *b = c & 1 ? v[1] : NULL, *d = c & 2 ? v[2] : NULL;
            k->sum(z, v[0], b, d, c & 4, n);
            for (size_t i = 0; i < n; i++)
                CHECK(z[i] == v[0][i] +
                                  (c & 4 ? 0 - (b ? b[i] : 0)
                                   : b   ? b[i]
                                         : 0) +
                                  (d ? d[i] : 0));
            k->xor (z, v[0], b, d, c & 4 ? ~UINT64_C(0) : 0, n);
            for (size_t i = 0; i < n; i++)
                CHECK(z[i] == (v[0][i] ^ (b ? b[i] : 0) ^ (d ? d[i] : 0) ^
                               (c & 4 ? ~UINT64_C(0) : 0)));
        }
        CHECK(z[n] == 99);
    }
}

TEST(polynomials_are_multiplied_as_their_formulas_say) {
    enum { D = SHARE3_GALOIS, COUNT = 5 };
    EACH_KERNEL(k) for (unsigned run = 0; run < 20; run++) {
        uint64_t v[2][COUNT * D + 1], z[COUNT * D + 1], want[COUNT * D + 1];
        mal_test_fill(v[0], 2 * (COUNT * D + 1));
        mal_test_fill(z, COUNT * D + 1);
        const uint64_t *x = v[0] + run % 2, *y = v[1] + run / 2 % 2;
        memcpy(want, z, sizeof z);
        for (unsigned i = 0; i < D; i++)
            for (unsigned j = 0; j < D; j++)
                want[i + j] += x[i] * y[j];
        k->poly_mac(z, x, y);
        CHECK_THAT(mal_equal(z, want, sizeof z), "%s: products", k->name);
        for (unsigned i = 0; i < COUNT * D; i++)
            want[i % D] += x[i / D] * y[i];
        k->poly_axpy(z, x, y, COUNT);
        CHECK_THAT(mal_equal(z, want, sizeof z), "%s: sums", k->name);
        for (unsigned i = 0; i < COUNT * D; i++)
            want[i] += x[i / D] * y[i % D];
        k->poly_outer(z, x, y, COUNT);
        CHECK_THAT(mal_equal(z, want, sizeof z), "%s: multiples", k->name);
    }
}

TEST(the_fastest_usable_one_serves) {
    const share3_kernels *k = share3_kernel();
    printf("# %s\n", k->name);
    CHECK(k->usable());
    CHECK(k == &share3_kernels_avx512 || !share3_kernels_avx512.usable());
}

TEST_MAIN
