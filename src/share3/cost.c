/* cost.c - what calls cost, from public sizes alone, before they run.
 *
 * Each function follows the rounds of the one that it is named after.
 */
#include "share3_impl.h"

#define W MAL_SHARE3_WIDTH_MAX

/* One exchange of so many words, in chunks. */
static void add_round(mal_share3_cost *c, uint64_t words) {
    if (words == 0)
        return;
    const uint64_t chunks = (words + SHARE3_CHUNK - 1) / SHARE3_CHUNK;
    c->rounds++;
    c->messages += chunks;
    c->bytes += 8 * words + SHARE3_HEADER * chunks;
}

static void add_gates(mal_share3_cost *c, uint64_t gates, uint64_t words) {
    add_round(c, gates * words);
    c->products += gates * words;
}

/* boolean.c, and_tree */
static void add_eq(mal_share3_cost *c, unsigned width, size_t stride) {
    for (; width > 1; width = (width + 1) / 2)
        add_gates(c, width / 2, stride);
}

/* boolean.c, order_run: two gates a pair, one for the lowest. */
static void add_lt(mal_share3_cost *c, unsigned width, size_t stride) {
    for (unsigned n = width + 1; n > 1; n = (n + 1) / 2)
        add_gates(c, 2 * (n / 2) - 1, stride);
}

/* adder.c, carries: n segments, the carry in among them. */
static void add_carries(mal_share3_cost *c, unsigned n, size_t stride) {
    for (unsigned k = 0; 1u << k < n; k++) {
        uint64_t gates = 0;
        for (unsigned i = 0; i < n; i++)
            if (i >> k & 1)
                gates += i >> (k + 1) ? 2 : 1;
        add_gates(c, gates, stride);
    }
}

/* convert.c */
static void add_to_bits(mal_share3_cost *c, unsigned width, size_t stride) {
    if (width > 1)
        add_gates(c, width - 1, stride);
    add_carries(c, width, stride);
}

static void add_inject(mal_share3_cost *c, uint64_t words, bool one) {
    add_gates(c, one ? 1 : 2, words);
    add_gates(c, 1, words);
}

static void add_to_words(mal_share3_cost *c, size_t n, unsigned width) {
    if (width == 1)
        add_inject(c, n, true);
    if (width < 2)
        return;
    add_to_bits(c, W, share3_stride(n));
    add_round(c, W * share3_stride(n)); /* opened to two */
}

/* divide.c */
static void add_divide(mal_share3_cost *c, size_t stride, unsigned w) {
    for (unsigned k = 0; 1u << k < w; k++) {
        uint64_t gates = 0;
        for (unsigned i = 0; i < w; i++)
            gates += i >> k & 1;
        add_gates(c, gates, stride);
    }
    for (unsigned k = 1; k <= w; k++) {
        add_carries(c, k + 1, stride);
        if (k < w) {
            add_gates(c, 1, stride);
            add_gates(c, k, stride);
        }
    }
    add_gates(c, w, stride); /* no quotient where there is none */
}

static void add_divide_signed(mal_share3_cost *c, size_t stride, unsigned w) {
    add_gates(c, 1, stride);
    add_carries(c, w, stride);
    add_carries(c, w, stride);
    add_gates(c, 1, stride);
    add_gates(c, 1, stride);
    add_gates(c, 1, stride);
    add_divide(c, stride, w);
}

void mal_share3_cost_add(mal_share3_cost *c, mal_share3_call call, size_t n,
                         unsigned width) {
    const size_t stride = share3_stride(n);
    if (n == 0)
        return;
    switch (call) {
    case MAL_SHARE3_CALL_INPUT:
    case MAL_SHARE3_CALL_OPEN:
        add_round(c, n);
        break;
    case MAL_SHARE3_CALL_BITS_INPUT:
    case MAL_SHARE3_CALL_BITS_OPEN:
        add_round(c, width * stride);
        break;
    case MAL_SHARE3_CALL_AGREE:
        add_round(c, 4);
        break;
    case MAL_SHARE3_CALL_MUL:
        add_gates(c, 1, n);
        break;
    case MAL_SHARE3_CALL_AND:
        add_gates(c, width, stride);
        break;
    case MAL_SHARE3_CALL_EQ:
        add_eq(c, width, stride);
        break;
    case MAL_SHARE3_CALL_LT:
        add_lt(c, width, stride);
        break;
    case MAL_SHARE3_CALL_BITS_ADD:
        add_carries(c, width, stride);
        break;
    case MAL_SHARE3_CALL_TO_BITS:
        add_to_bits(c, width, stride);
        break;
    case MAL_SHARE3_CALL_TO_WORDS:
        add_to_words(c, n, width);
        break;
    case MAL_SHARE3_CALL_INJECT_ONE:
    case MAL_SHARE3_CALL_INJECT:
        add_inject(c, n, call == MAL_SHARE3_CALL_INJECT_ONE);
        break;
    case MAL_SHARE3_CALL_TRUNCATE:
        add_gates(c, 1, stride);
        add_inject(c, 2 * (uint64_t)n, true);
        break;
    case MAL_SHARE3_CALL_FLOOR_SHIFT:
        add_to_bits(c, W, stride);
        add_to_words(c, n, W - width);
        break;
    case MAL_SHARE3_CALL_DIVIDE:
        add_divide(c, stride, width);
        break;
    case MAL_SHARE3_CALL_DIVIDE_SIGNED:
        add_divide_signed(c, stride, width);
        break;
    case MAL_SHARE3_CALLS:
        assert(!"not a call");
    }
}
