/* vector.c - vectors of shares, views of them, and what is local on them. */
#include "share3_impl.h"

/* --- Blocks -----------------------------------------------------------------
 */

/* What precedes a block's words, which lie on a cache line.  A block that is
 * given back is wiped at once and kept: its pages are there for the next one,
 * and its zeros are what that one asks for. */
typedef struct block {
    void *raw;
    size_t bytes;
} block;
#define LINE ((size_t)64)

static block *block_of(uint64_t *words) {
    return (block *)(void *)((uint8_t *)words - LINE);
}

static uint64_t *block_new(size_t bytes) {
    uint8_t *raw = mal_calloc(1, bytes + 3 * LINE);
    if (!raw)
        return NULL;
    uint8_t *words =
        (uint8_t *)(((uintptr_t)raw + 2 * LINE - 1) & ~(uintptr_t)(LINE - 1));
    *block_of((uint64_t *)(void *)words) = (block){ raw, bytes };
    return (uint64_t *)(void *)words;
}

static void forget_kept(mal_share3 *s, unsigned i) {
    s->kept_bytes -= block_of(s->kept[i])->bytes;
    memmove(&s->kept[i], &s->kept[i + 1], (--s->n_kept - i) * sizeof *s->kept);
}

static void drop_oldest(mal_share3 *s) {
    void *raw = block_of(s->kept[0])->raw;
    forget_kept(s, 0);
    mal_free(raw);
}

void share3_kept_clear(mal_share3 *s) {
    while (s->n_kept)
        drop_oldest(s);
}

/* A kept block of these bytes, or not much more; NULL if there is none. */
static uint64_t *kept_take(mal_share3 *s, size_t bytes) {
    for (unsigned i = s->n_kept; i-- > 0;) {
        const block *b = block_of(s->kept[i]);
        if (b->bytes < bytes || b->bytes / 2 > bytes + 4096)
            continue;
        uint64_t *words = s->kept[i];
        forget_kept(s, i);
        return words;
    }
    return NULL;
}

/* The oldest give way. */
static void keep(mal_share3 *s, uint64_t *words) {
    const size_t bytes = block_of(words)->bytes;
    if (bytes > SHARE3_KEEP_BYTES) {
        mal_free(block_of(words)->raw);
        return;
    }
    while (s->n_kept == SHARE3_KEEP ||
           s->kept_bytes + bytes > SHARE3_KEEP_BYTES)
        drop_oldest(s);
    s->kept[s->n_kept++] = words;
    s->kept_bytes += bytes;
}

/* --- Taken and given --------------------------------------------------------
 */

static void give(mal_share3 *owner, uint64_t *part[2], size_t n) {
    if (!owner)
        return;
    mal_wipe(part[0], 2 * n * sizeof(uint64_t));
    keep(owner, part[0]);
    owner->memory -= 2 * n * sizeof(uint64_t);
}

/* What rests goes to disk, the longest first, until so much fits. */
static mal_err make_room(mal_share3 *s, size_t bytes) {
    const size_t max = s->options.memory_max;
    for (size_t i = 0; i < s->n_resting && s->memory + bytes > max; i++) {
        share3_resting *r = &s->resting[i];
        if (*r->parked)
            continue;
        MAL_TRY(
            share3_park(s, r->parked, r->part[0], 2 * r->n * sizeof(uint64_t)));
        give(s, r->part, r->n);
        r->part[0] = r->part[1] = NULL;
    }
    MAL_REQUIRE(s->memory <= max && bytes <= max - s->memory, MAL_E_LIMIT,
                "%zu more bytes of shares, beside %zu that are at work, are "
                "over the limit of %zu: this step works on whole columns, and "
                "takes a limit of at least %zu, or lower declared bounds",
                bytes, s->memory, max, s->memory + bytes);
    return MAL_OK;
}

/* An eighth of the least limit: what a call needs for itself is small beside
 * what it is given. */
#define SLICE_OF 8

size_t mal_share3_slice(const mal_share3 *s, size_t n, size_t words_a_row) {
    if (!s->least_memory)
        return n;
    const size_t bytes = 2 * sizeof(uint64_t) * words_a_row;
    const size_t rows = s->least_memory / SLICE_OF / bytes / 64 * 64;
    return share3_least(n, rows ? rows : 64);
}

/* Two parts of n words in one block; they count against the limit, and what is
 * kept gives way to it. */
static mal_err take(mal_share3 *s, uint64_t *part[2], size_t n) {
    const size_t bytes = 2 * n * sizeof(uint64_t);
    const size_t max = s->options.memory_max;
    if (max)
        MAL_TRY(make_room(s, bytes));
    part[0] = kept_take(s, bytes);
    if (max && !part[0] && s->memory + s->kept_bytes + bytes > max)
        share3_kept_clear(s);
    if (!part[0])
        part[0] = block_new(bytes);
    if (!part[0])
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    part[1] = part[0] + n;
    s->memory += bytes;
    if (s->memory > s->count.held_max)
        s->count.held_max = s->memory;
    return MAL_OK;
}

/* --- Resting ---------------------------------------------------------------
 */

static void wake(mal_share3 *s, uint64_t *const *part) {
    for (size_t i = 0; i < s->n_resting; i++) {
        if (s->resting[i].part != part)
            continue;
        memmove(&s->resting[i], &s->resting[i + 1],
                (--s->n_resting - i) * sizeof *s->resting);
        return;
    }
}

static mal_err rest(mal_share3 *s, const mal_share3 *owner,
                    const share3_resting *r) {
    MAL_REQUIRE(owner == s, MAL_E_INPUT, "a view cannot be parked");
    wake(s, r->part);
    if (!s->options.memory_max || !s->options.spill_dir || r->n == 0)
        return MAL_OK;
    if (s->n_resting == s->resting_room) {
        const size_t room = 2 * s->resting_room + 64;
        share3_resting *more = mal_realloc(
            s->resting, s->resting_room * sizeof *more, room * sizeof *more);
        if (!more)
            return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
        s->resting = more;
        s->resting_room = room;
    }
    s->resting[s->n_resting++] = *r;
    return MAL_OK;
}

mal_err mal_share3_words_rest(mal_share3 *s, mal_share3_words *v) {
    const share3_resting r = { v->part, &v->parked, v->n };
    return rest(s, v->owner, &r);
}

mal_err mal_share3_bits_rest(mal_share3 *s, mal_share3_bits *v) {
    const share3_resting r = { v->part, &v->parked, v->width * v->stride };
    return rest(s, v->owner, &r);
}

/* --- Vectors ----------------------------------------------------------------
 */

mal_err mal_share3_words_new(mal_share3 *s, mal_share3_words *v, size_t n) {
    *v = (mal_share3_words){ 0 };
    MAL_REQUIRE(n <= MAL_SHARE3_ROWS_MAX, MAL_E_LIMIT, "%zu rows, at most %zu",
                n, MAL_SHARE3_ROWS_MAX);
    MAL_TRY(take(s, v->part, n));
    v->n = n;
    v->owner = s;
    return MAL_OK;
}

mal_err mal_share3_bits_new(mal_share3 *s, mal_share3_bits *v, size_t n,
                            unsigned width) {
    *v = (mal_share3_bits){ 0 };
    MAL_REQUIRE(n <= MAL_SHARE3_ROWS_MAX && width <= MAL_SHARE3_WIDTH_MAX,
                MAL_E_LIMIT, "%zu rows of %u bits, at most %zu of %d", n, width,
                MAL_SHARE3_ROWS_MAX, MAL_SHARE3_WIDTH_MAX);
    MAL_TRY(take(s, v->part, width * share3_stride(n)));
    v->n = n;
    v->width = width;
    v->stride = share3_stride(n);
    v->owner = s;
    return MAL_OK;
}

void mal_share3_words_clear(mal_share3_words *v) {
    if (!v)
        return;
    if (v->owner)
        wake(v->owner, v->part);
    if (v->parked)
        share3_unpark_free(v->owner, &v->parked);
    else
        give(v->owner, v->part, v->n);
    *v = (mal_share3_words){ 0 };
}

void mal_share3_bits_clear(mal_share3_bits *v) {
    if (!v)
        return;
    if (v->owner)
        wake(v->owner, v->part);
    if (v->parked)
        share3_unpark_free(v->owner, &v->parked);
    else
        give(v->owner, v->part, v->width * v->stride);
    *v = (mal_share3_bits){ 0 };
}

/* --- Parking
 * ------------------------------------------------------------------ */

static mal_err park(mal_share3 *s, mal_share3 *owner, uint64_t *part[2],
                    mal_share3_parked **parked, size_t n) {
    MAL_REQUIRE(owner == s, MAL_E_INPUT, "a view cannot be parked");
    if (*parked)
        return MAL_OK;
    MAL_TRY(share3_park(s, parked, part[0], 2 * n * sizeof(uint64_t)));
    give(s, part, n);
    part[0] = part[1] = NULL;
    return MAL_OK;
}

static mal_err unpark(mal_share3 *s, uint64_t *part[2],
                      mal_share3_parked **parked, size_t n) {
    wake(s, part);
    if (!*parked)
        return MAL_OK;
    uint64_t *back[2];
    MAL_TRY(take(s, back, n));
    mal_err err = share3_unpark(s, *parked, back[0]);
    if (err != MAL_OK) {
        give(s, back, n);
        return mal_err_trace(err, __FILE__, __LINE__);
    }
    share3_unpark_free(s, parked);
    memcpy(part, back, sizeof back);
    return MAL_OK;
}

mal_err mal_share3_words_park(mal_share3 *s, mal_share3_words *v) {
    return park(s, v->owner, v->part, &v->parked, v->n);
}

mal_err mal_share3_words_unpark(mal_share3 *s, mal_share3_words *v) {
    return unpark(s, v->part, &v->parked, v->n);
}

mal_err mal_share3_bits_park(mal_share3 *s, mal_share3_bits *v) {
    return park(s, v->owner, v->part, &v->parked, v->width * v->stride);
}

mal_err mal_share3_bits_unpark(mal_share3 *s, mal_share3_bits *v) {
    return unpark(s, v->part, &v->parked, v->width * v->stride);
}

/* --- Views
 * --------------------------------------------------------------------- */

/* Of nothing there is nothing; C adds not even 0 to it. */
static uint64_t *behind(uint64_t *part, size_t words) {
    return words ? part + words : part;
}

mal_share3_words mal_share3_words_view(const mal_share3_words *v, size_t from,
                                       size_t n) {
    assert(from <= v->n && n <= v->n - from);
    return (mal_share3_words){
        .n = n, .part = { behind(v->part[0], from), behind(v->part[1], from) }
    };
}

mal_share3_bits mal_share3_bits_planes(const mal_share3_bits *v, unsigned from,
                                       unsigned width) {
    assert(from <= v->width && width <= v->width - from);
    const size_t off = from * v->stride;
    return (mal_share3_bits){ .n = v->n,
                              .width = width,
                              .stride = v->stride,
                              .part = { behind(v->part[0], off),
                                        behind(v->part[1], off) } };
}

mal_err share3_words_want(mal_share3 *s, mal_share3_words *z, size_t n) {
    MAL_TRY(share3_enter(s));
    if (!z->part[0])
        return mal_share3_words_new(s, z, n);
    MAL_REQUIRE(z->n == n, MAL_E_INPUT, "a result of %zu rows, not %zu", z->n,
                n);
    return MAL_OK;
}

mal_err share3_bits_want(mal_share3 *s, mal_share3_bits *z, size_t n,
                         unsigned width) {
    MAL_TRY(share3_enter(s));
    if (!z->part[0])
        return mal_share3_bits_new(s, z, n, width);
    MAL_REQUIRE(z->n == n && z->width == width, MAL_E_INPUT,
                "a result of %zu rows of %u bits, not %zu of %u", z->n,
                z->width, n, width);
    return MAL_OK;
}

/* --- Words ---------------------------------------------------------------- */

mal_err mal_share3_words_copy(mal_share3 *s, mal_share3_words *z,
                              const mal_share3_words *x) {
    MAL_TRY(share3_words_want(s, z, x->n));
    for (unsigned p = 0; p < 2; p++)
        if (x->n)
            memmove(z->part[p], x->part[p], x->n * sizeof(uint64_t));
    return MAL_OK;
}

static mal_err same_rows(size_t n, size_t m) {
    MAL_REQUIRE(n == m, MAL_E_INPUT, "operands of %zu and %zu rows", n, m);
    return MAL_OK;
}

mal_err mal_share3_words_add(mal_share3 *s, mal_share3_words *z,
                             const mal_share3_words *x,
                             const mal_share3_words *y) {
    MAL_TRY(same_rows(x->n, y->n));
    MAL_TRY(share3_words_want(s, z, x->n));
    for (unsigned p = 0; p < 2; p++)
        for (size_t i = 0; i < x->n; i++)
            z->part[p][i] = x->part[p][i] + y->part[p][i];
    return MAL_OK;
}

mal_err mal_share3_words_sub(mal_share3 *s, mal_share3_words *z,
                             const mal_share3_words *x,
                             const mal_share3_words *y) {
    MAL_TRY(same_rows(x->n, y->n));
    MAL_TRY(share3_words_want(s, z, x->n));
    for (unsigned p = 0; p < 2; p++)
        for (size_t i = 0; i < x->n; i++)
            z->part[p][i] = x->part[p][i] - y->part[p][i];
    return MAL_OK;
}

mal_err mal_share3_words_affine(mal_share3 *s, mal_share3_words *z,
                                const mal_share3_words *x, uint64_t scale,
                                uint64_t offset) {
    MAL_TRY(share3_words_want(s, z, x->n));
    for (unsigned p = 0; p < 2; p++) {
        const uint64_t c = share3_carries(s, p) ? offset : 0;
        for (size_t i = 0; i < x->n; i++)
            z->part[p][i] = scale * x->part[p][i] + c;
    }
    return MAL_OK;
}

mal_err mal_share3_words_public(mal_share3 *s, mal_share3_words *z,
                                const uint64_t *x, size_t n) {
    MAL_TRY(share3_words_want(s, z, n));
    for (unsigned p = 0; p < 2; p++)
        for (size_t i = 0; i < n; i++)
            z->part[p][i] = share3_carries(s, p) ? x[i] : 0;
    return MAL_OK;
}

/* --- Bits ----------------------------------------------------------------- */

mal_err mal_share3_bits_copy(mal_share3 *s, mal_share3_bits *z,
                             const mal_share3_bits *x) {
    MAL_TRY(share3_bits_want(s, z, x->n, x->width));
    for (unsigned p = 0; p < 2; p++)
        if (x->n && x->width)
            memmove(z->part[p], x->part[p], x->width * x->stride * 8);
    return MAL_OK;
}

mal_err mal_share3_bits_public(mal_share3 *s, mal_share3_bits *z,
                               const uint64_t *planes, size_t n,
                               unsigned width) {
    MAL_TRY(share3_bits_want(s, z, n, width));
    for (unsigned p = 0; p < 2; p++)
        for (size_t i = 0; i < width * z->stride; i++)
            z->part[p][i] = share3_carries(s, p) ? planes[i] : 0;
    return MAL_OK;
}

mal_err share3_bits_fit(const mal_share3_bits *x, const mal_share3_bits *y) {
    MAL_TRY(same_rows(x->n, y->n));
    MAL_REQUIRE(y->width == x->width || y->width == 1, MAL_E_INPUT,
                "operands of %u and %u bits", x->width, y->width);
    return MAL_OK;
}

mal_err mal_share3_xor(mal_share3 *s, mal_share3_bits *z,
                       const mal_share3_bits *x, const mal_share3_bits *y) {
    MAL_TRY(share3_bits_fit(x, y));
    MAL_TRY(share3_bits_want(s, z, x->n, x->width));
    const size_t step = y->width == x->width ? y->stride : 0;
    for (unsigned p = 0; p < 2; p++)
        for (unsigned b = 0; b < x->width; b++) {
            const uint64_t *u = x->part[p] + b * x->stride;
            const uint64_t *v = y->part[p] + b * step;
            uint64_t *w = z->part[p] + b * z->stride;
            for (size_t i = 0; i < x->stride; i++)
                w[i] = u[i] ^ v[i];
        }
    return MAL_OK;
}

mal_err mal_share3_xor_public(mal_share3 *s, mal_share3_bits *z,
                              const mal_share3_bits *x, uint64_t value) {
    MAL_TRY(share3_bits_want(s, z, x->n, x->width));
    for (unsigned p = 0; p < 2; p++)
        for (unsigned b = 0; b < x->width; b++) {
            const uint64_t *u = x->part[p] + b * x->stride;
            uint64_t *w = z->part[p] + b * z->stride;
            const uint64_t c = share3_carries(s, p) ? 0 - (value >> b & 1) : 0;
            for (size_t i = 0; i < x->stride; i++)
                w[i] = u[i] ^ c;
        }
    return MAL_OK;
}

mal_err mal_share3_not(mal_share3 *s, mal_share3_bits *z,
                       const mal_share3_bits *x) {
    return mal_share3_xor_public(s, z, x, ~UINT64_C(0));
}
