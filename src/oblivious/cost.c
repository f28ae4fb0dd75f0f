/* cost.c - what the calls of a dry engine would cost each party. */
#include "oblivious_impl.h"

mal_obl_cost mal_obl_cost_so_far(const mal_obl *o) {
    mal_obl_cost cost = { 0 };
    if (o->s) {
        const mal_share3_counters c = mal_share3_count(o->s);
        cost.rounds = c.rounds;
        cost.bytes = c.bytes;
        return cost;
    }
    cost = o->cost;
    for (unsigned i = 0; i < MAL_SHARE3_PARTIES; i++)
        cost.bytes = o->sent[i] > cost.bytes ? o->sent[i] : cost.bytes;
    return cost;
}

static void pay_time(mal_obl *o, uint64_t rounds, uint64_t bytes, double ns) {
    o->cost.rounds += rounds;
    o->cost.ns += ns + (double)rounds * o->rates.round_ns +
                  (double)bytes * o->rates.byte_ns;
}

/* How many bytes is an exchange of so many words? */
static uint64_t exchange(uint64_t n) {
    mal_share3_cost c = { 0 };
    mal_share3_cost_add(&c, MAL_SHARE3_CALL_OPEN, n, 64);
    return c.bytes;
}

static bool on_words(mal_share3_call call) {
    return call == MAL_SHARE3_CALL_MUL || call == MAL_SHARE3_CALL_INJECT ||
           call == MAL_SHARE3_CALL_INJECT_ONE;
}

void obl_pay(mal_obl *o, mal_share3_call call, size_t n, unsigned width) {
    mal_share3_cost c = { 0 };
    mal_share3_cost_add(&c, call, n, width);
    for (unsigned i = 0; i < MAL_SHARE3_PARTIES; i++)
        o->sent[i] += c.bytes;
    if (call == MAL_SHARE3_CALL_TO_WORDS && width > 1)
        o->sent[0] -= exchange(64 * obl_stride(n)); /* it opens to the others */
    pay_time(o, c.rounds, c.bytes,
             (double)c.products *
                 (on_words(call) ? o->rates.mul_ns : o->rates.and_word_ns));
}

void obl_pay_input(mal_obl *o, unsigned owner, size_t n, unsigned width) {
    const uint64_t bytes = exchange(width * obl_stride(n));
    o->sent[owner] += bytes;
    pay_time(o, 1, bytes, 0);
}

/* --- orders --------------------------------------------------------------- */

/* Words of rows packed into elements of 1, 2, 4 or 8 bytes, 64 planes at a
 * time. */
static uint64_t lanes(size_t n, unsigned columns_of_words, unsigned planes) {
    uint64_t total = (uint64_t)n * columns_of_words;
    while (planes) {
        const unsigned e = planes > 48   ? 8
                           : planes > 16 ? 4
                           : planes > 8  ? 2
                                         : 1;
        total += (n * e + 7) / 8;
        planes = planes > 8 * e ? planes - 8 * e : 0;
    }
    return total;
}

unsigned obl_pay_turn(mal_obl *o) {
    return o->orders++ % MAL_SHARE3_PARTIES;
}

/* Three rounds; one party, in turn, sends rows twice, the others once. */
void obl_pay_move(mal_obl *o, unsigned turn, size_t n, unsigned columns,
                  unsigned planes) {
    const uint64_t total = lanes(n, columns, planes), bytes = exchange(total);
    for (unsigned i = 0; i < MAL_SHARE3_PARTIES; i++)
        o->sent[i] += i == turn ? 2 * bytes : bytes;
    pay_time(o, 3, 2 * bytes, (double)total * o->rates.permute_ns);
}

/* Keys of 1 to 3 planes: one-hot planes, their counts, an order of words. */
static void pay_digit(mal_obl *o, unsigned turn, size_t n, unsigned width) {
    const unsigned values = (1u << width) - 1;
    for (unsigned k = 0; k < width; k++)
        obl_pay(o, MAL_SHARE3_CALL_AND, n, 1u << k);
    obl_pay(o, MAL_SHARE3_CALL_INJECT_ONE, 64 * obl_stride(n) * values, 1);
    obl_pay(o, MAL_SHARE3_CALL_MUL, n, 64);
    obl_pay_move(o, turn, n, 1, 0);
    obl_pay(o, MAL_SHARE3_CALL_OPEN, n, 64);
}

/* An estimate: which rows are compared follows from a uniform order, hence from
 * nothing that is secret, and differs from run to run.  n (log2 n + 5) pairs of
 * w planes, 2 w gates each, and opened, in some 2 log2 n batches of log2 w + 1
 * rounds.  Held to 20 % of the bytes and 40 % of the rounds by prop_cost. */
static void pay_comparisons(mal_obl *o, unsigned turn, size_t n,
                            unsigned width) {
    const unsigned log_n = obl_log2_up(n), w = width + (log_n ? log_n : 1);
    const uint64_t stride = obl_stride(n * (uint64_t)(log_n + 5));
    const uint64_t gates = stride * 2 * w;
    const uint64_t bytes = exchange(gates) + exchange(stride);
    obl_pay_move(o, turn, n, 0, w);
    for (unsigned i = 0; i < MAL_SHARE3_PARTIES; i++)
        o->sent[i] += bytes;
    /* Down the trees and back up; a level of many rows takes several. */
    const uint64_t batches =
        (log_n > 2 ? 2 * log_n - 2 : 2) + ((n - 1) >> 18) * (uint64_t)log_n;
    pay_time(o, batches * (obl_log2_up(w + 1) + 1), bytes,
             (double)gates * o->rates.compare_word_ns);
}

void obl_pay_sort(mal_obl *o, unsigned turn, size_t n, unsigned width) {
    if (n < 2)
        return;
    if (width <= 3)
        pay_digit(o, turn, n, width);
    else
        pay_comparisons(o, turn, n, width);
}
