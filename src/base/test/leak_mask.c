#include "mal_leak.h"

static uint64_t a = 0x123456789abcdef, b = 42;
static uint8_t block[64], other[64];

LEAK(masks_do_not_branch) {
    mal_leak_secret(&a, sizeof a);
    mal_leak_secret(&b, sizeof b);
    uint64_t r = mal_mask_nonzero(a) ^ mal_mask_eq(a, b) ^ mal_mask_lt(a, b) ^
                 mal_mask_lt_signed((int64_t)a, (int64_t)b);
    mal_leak_sink(&r);
}

LEAK(selecting_and_swapping_do_not_branch) {
    mal_leak_secret(&a, sizeof a);
    mal_leak_secret(&b, sizeof b);
    uint64_t mask = mal_mask_lt(a, b);
    uint64_t low = mal_select(mask, a, b), high = mal_select(mask, b, a);
    a = low;
    b = high;
    mal_leak_sink(&a);
    mal_leak_sink(&b);
}

LEAK(comparing_keys_tells_only_the_verdict) {
    mal_leak_secret(block, sizeof block);
    mal_leak_secret(other, sizeof other);
    uint8_t same = mal_equal(block, other, sizeof block);
    mal_declassify(&same, sizeof same);
    if (same)
        mal_leak_sink(&same);
}

LEAK(wiping_reads_nothing) {
    uint8_t secret[32];
    memcpy(secret, block, sizeof secret);
    mal_leak_secret(secret, sizeof secret);
    mal_wipe(secret, sizeof secret);
}

LEAK(hexadecimal_of_a_key_does_not_branch) {
    char hex[129];
    uint8_t back[64];
    mal_leak_secret(block, sizeof block);
    mal_hex_encode(hex, mal_bytes_of(block, sizeof block));
    for (int i = 0; i < 128; i++)
        mal_leak_sink(&hex[i]);
    /* Its own strlen() looks for a NUL that no digit is. */
    mal_declassify(hex, sizeof hex);
    mal_err err = mal_hex_decode(back, sizeof back, hex);
    if (err != MAL_OK)
        abort();
}

LEAK(base64_of_a_key_does_not_branch) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf back = { 0 };
    mal_leak_secret(block, sizeof block);
    if (mal_base64_encode(&text, mal_bytes_of(block, sizeof block)) != MAL_OK)
        abort();
    /* The padding at the end is public. */
    mal_declassify(text.ptr + text.len - 2, 2);
    if (mal_base64_decode(&back, mal_buf_view(&text)) != MAL_OK)
        abort();
}

LEAK(a_key_is_moved_without_being_looked_at) {
    MAL_AUTO(mal_key_clear) mal_key key = { 0 };
    MAL_AUTO(mal_key_clear) mal_key twin = { 0 };
    mal_leak_secret(block, sizeof block);
    if (mal_key_from(&key, mal_bytes_of(block, sizeof block)) != MAL_OK ||
        mal_key_from(&twin, mal_key_view(&key)) != MAL_OK)
        abort();
}

LEAK_CONTROL(a_branch_on_a_secret_is_seen) {
    uint64_t secret = a;
    mal_leak_secret(&secret, sizeof secret);
    if (mal_barrier(secret) == 0)
        __asm__ volatile("nop");
}

LEAK_CONTROL(an_index_that_is_secret_is_seen) {
    static const uint8_t table[256] = { 1 };
    uint8_t secret = 3;
    mal_leak_secret(&secret, sizeof secret);
    uint8_t r = table[(uint8_t)mal_barrier(secret)];
    mal_leak_sink(&r);
}

LEAK_CONTROL(comparing_in_variable_time_is_seen) {
    uint8_t secret[64];
    memcpy(secret, other, sizeof secret);
    mal_leak_secret(secret, sizeof secret);
    int r = mal_compare_vartime(secret, block, sizeof secret);
    mal_leak_sink(&r);
}

LEAK_MAIN
