/* cost.c - what calls cost, from public sizes alone, before they run.
 *
 * Each function follows the rounds of the one that it is named after.
 */
#include "permute_impl.h"
#include "proof_impl.h"

#define W MAL_SHARE3_WIDTH_MAX

static uint64_t chunks_of(uint64_t words) {
    return (words + SHARE3_CHUNK - 1) / SHARE3_CHUNK;
}

static uint64_t round_bytes(uint64_t words) {
    return 8 * words + SHARE3_HEADER * chunks_of(words);
}

/* One exchange of so many words, in chunks. */
static void add_round(mal_share3_cost *c, uint64_t words) {
    if (words == 0)
        return;
    c->rounds++;
    c->messages += chunks_of(words);
    c->bytes += round_bytes(words);
}

/* exchange.c, share3_exchange_pair */
static void add_pair(mal_share3_cost *c, uint64_t a, uint64_t b) {
    add_round(c, a);
    add_round(c, b);
    c->rounds -= a && b && share3_both_short(a, b);
}

/* --- Proofs ----------------------------------------------------------------
 */

/* prove.c, toss */
static void add_toss(mal_share3_cost *c, unsigned n, unsigned *told) {
    add_round(c, n);
    *told += n;
}

static uint64_t folded(uint64_t n, unsigned v) {
    return n ? ((n - 1) >> v) + 1 : 0;
}

/* prove.c: of n recorded words, so many claims, a third of them ours, and so
 * many elements of products of matrices. */
typedef struct proved {
    uint64_t n, claims, matrices;
} proved;

static void add_proof(mal_share3_cost *c, const proof_ring *ring,
                      const proved *of, unsigned told) {
    const uint64_t n = of->n;
    const unsigned v = ring->group_vars(n);
    const uint64_t block = (uint64_t)PROOF_LANES << v;
    const uint64_t blocks = (n + block - 1) / block;
    uint64_t left = PROOF_LANES * ring->rows * blocks,
             more = of->claims + of->matrices;
    if (left + more == 0)
        return;
    c->unagreed = true;
    add_round(c, 1); /* all came */
    if (blocks || of->matrices)
        add_toss(c, 2, &told);
    if (blocks) {
        add_round(c, (share3_points(v) - ((uint64_t)1 << v)) * ring->words);
        add_toss(c, v, &told);
    }
    while (left > ring->last || more) {
        const unsigned fold = ring->fold_vars(left + more);
        add_round(c, (share3_points(fold) - 1) * ring->words);
        add_toss(c, fold, &told);
        left = folded(left, fold);
        if (more)
            left +=
                3 * folded(of->claims / 3, fold) + folded(of->matrices, fold);
        more = 0;
    }
    add_pair(c, 2 * ring->words, told);
    add_round(c, 1); /* told right */
    add_round(c, (2 * left + 1) * ring->words);
}

static void prove_record(mal_share3_cost *c, unsigned k, bool claims) {
    const proved of = { c->pending[k], claims ? c->claims : 0,
                        k ? c->matrices[0] : 0 };
    add_proof(c, k ? &share3_ring_words : &share3_ring_bits, &of,
              claims ? c->told : 0);
    c->pending[k] = 0;
    if (claims)
        c->claims = c->told = 0;
    for (unsigned i = 0; i < 3 && k; i++)
        c->matrices[i] = 0;
}

/* record.c */
void mal_share3_cost_verify(mal_share3_cost *c) {
    if (!c->malicious)
        return;
    prove_record(c, 0, true);
    prove_record(c, 1, false);
    if (c->unagreed)
        add_pair(c, 1, 1);
    c->unagreed = false;
}

/* record.c, share3_record_room */
static uint64_t room(mal_share3_cost *c, unsigned k, uint64_t words) {
    if (!c->malicious)
        return words;
    if (c->pending[k] == SHARE3_RECORD_MAX)
        prove_record(c, k, false);
    words = share3_least(words, SHARE3_RECORD_MAX - c->pending[k]);
    c->pending[k] += words;
    return words;
}

/* product.c, share3_gates: k is 0 for ANDs and 1 for words. */
static void add_products(mal_share3_cost *c, unsigned k, uint64_t words) {
    c->products += words;
    for (uint64_t step; words > 0; words -= step) {
        step = room(c, k, words);
        add_round(c, step);
    }
}

static void add_gates(mal_share3_cost *c, uint64_t gates, uint64_t words) {
    add_products(c, 0, gates * words);
}

/* io.c, agree_later */
static void add_coming(mal_share3_cost *c, uint64_t words) {
    add_round(c, words);
    c->unagreed |= c->malicious;
}

/* io.c, swap_openings: the hash is of four words. */
static void add_opening(mal_share3_cost *c, uint64_t words) {
    mal_share3_cost_verify(c);
    add_pair(c, words, c->malicious && words ? 4 : 0);
}

/* --- Calls -----------------------------------------------------------------
 */

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
    add_products(c, 1, (one ? 1 : 2) * words);
    add_products(c, 1, words);
}

static void add_to_words(mal_share3_cost *c, size_t n, unsigned width) {
    if (width == 1)
        add_inject(c, n, true);
    if (width < 2)
        return;
    add_to_bits(c, W, share3_stride(n));
    add_opening(c, W * share3_stride(n));              /* to two */
    c->spared[0] += round_bytes(W * share3_stride(n)); /* who opens to them */
    c->spared[2] +=
        c->malicious ? round_bytes(4) : 0; /* whose hash is none's */
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
        add_coming(c, n);
        break;
    case MAL_SHARE3_CALL_OPEN:
        add_opening(c, n);
        break;
    case MAL_SHARE3_CALL_BITS_INPUT:
        add_coming(c, width * stride);
        break;
    case MAL_SHARE3_CALL_BITS_OPEN:
        add_opening(c, width * stride);
        break;
    case MAL_SHARE3_CALL_AGREE:
        add_coming(c, 4);
        break;
    case MAL_SHARE3_CALL_MUL:
        add_products(c, 1, n);
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

/* matrix.c: of what is left, as much as is made at once. */
static share3_shape add_step(mal_share3_cost *c, const share3_shape *left) {
    const share3_held held = { c->matrices[0], c->matrices[1], c->matrices[2] };
    share3_shape step = *left;
    bool full = false;
    if (c->malicious)
        step = share3_matrix_step(&held, &full, left);
    if (full)
        prove_record(c, 1, false);
    const share3_held more = share3_matrix_holds(&step);
    c->products += (uint64_t)more.words * step.vectors;
    add_round(c, more.results);
    if (c->malicious) {
        c->matrices[0] += more.len;
        c->matrices[1] += more.words;
        c->matrices[2] += more.results;
    }
    return step;
}

void mal_share3_cost_matmul(mal_share3_cost *c, size_t rows, size_t len,
                            size_t vectors) {
    share3_shape step = { 0 };
    if (rows == 0 || vectors == 0)
        return;
    for (size_t k = 0; k < len; k += step.len)
        for (size_t j = 0; j < rows; j += step.rows)
            step = add_step(c, &(share3_shape){ rows - j, len - k, vectors });
}

/* checked.c: what two of three send in a pass, with carries beside words; the
 * six messages' carries are recorded, and a seed is told. */
static void add_checked(mal_share3_cost *c, size_t n, uint64_t total,
                        uint64_t carries) {
    if (c->claims && (c->claims + 3 * n > SHARE3_CLAIMS_MAX ||
                      c->told + 2 > SHARE3_CLAIMS_TOLD))
        mal_share3_cost_verify(c);
    for (unsigned pass = 0; pass < 3; pass++) {
        if (pass == 2)
            c->rounds++; /* of the two others */
        else
            add_round(c, total + carries);
        for (unsigned x = 0; x < 2; x++)
            for (uint64_t left = carries; left > 0;)
                left -= room(c, 0, left);
    }
    add_round(c, 1); /* all came */
    add_round(c, 2);
    c->claims += 3 * n;
    c->told += 2;
}

/* shuffle.c, and lanes.c for the words of a row. */
void mal_share3_cost_move(mal_share3_cost *c, size_t n, unsigned words,
                          unsigned planes) {
    const uint64_t carries = (uint64_t)n * words;
    const uint64_t total = carries + share3_lanes_words(n, planes);
    if (n == 0)
        return;
    if (c->malicious) {
        add_checked(c, n, total, carries);
        return;
    }
    add_round(c, total);
    add_round(c, total);
    c->rounds++;
}
