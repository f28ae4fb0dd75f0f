/* aes_modes.h - the modes, written once for every width of cipher.
 *
 * The including file names, before it includes this:
 *     WAY     a prefix for the functions made here;   TARGET  their attribute
 *     group   a value type of GROUP_BLOCKS blocks, with
 *     g_load, g_store, g_xor, g_encrypt, and g_count, whose block i is
 *     u64le(low + i) || u64le(high).
 * What is left over at the end goes through a padded group on the stack.
 */
#define GROUP_BYTES (16 * GROUP_BLOCKS)
#define NAME_(way, mode) way##_##mode
#define NAME__(way, mode) NAME_(way, mode)
#define NAME(mode) NAME__(WAY, mode)

/* One mode: f(state, place, counter of its first block) for each group. */
#define FOR_GROUPS(out, in, blocks, f)                                         \
    do {                                                                       \
        uint8_t *o_ = (out);                                                   \
        const uint8_t *from_ = (in);                                           \
        size_t at_ = 0;                                                        \
        for (; (blocks)-at_ >= GROUP_BLOCKS; at_ += GROUP_BLOCKS) {            \
            group g_ = g_load(from_ + 16 * at_);                               \
            f(&g_, at_);                                                       \
            g_store(o_ + 16 * at_, &g_);                                       \
        }                                                                      \
        if (at_ < (blocks)) {                                                  \
            uint8_t tail_[GROUP_BYTES] = { 0 };                                \
            memcpy(tail_, from_ + 16 * at_, 16 * ((blocks)-at_));              \
            group g_ = g_load(tail_);                                          \
            f(&g_, at_);                                                       \
            g_store(tail_, &g_);                                               \
            memcpy(o_ + 16 * at_, tail_, 16 * ((blocks)-at_));                 \
            mal_wipe(tail_, sizeof tail_);                                     \
        }                                                                      \
    } while (0)

TARGET static void NAME(ecb)(void *out, const void *in, size_t blocks,
                             const mal_prim_aes *aes) {
#define F(g, at) ((void)(at), g_encrypt((g), aes))
    FOR_GROUPS(out, in, blocks, F);
#undef F
}

TARGET static void NAME(ctr)(void *out, size_t blocks, const mal_prim_aes *aes,
                             uint64_t counter, uint64_t tweak) {
    uint8_t *o = out;
    size_t at = 0;
    for (; blocks - at >= GROUP_BLOCKS; at += GROUP_BLOCKS) {
        group g = g_count(counter + at, tweak);
        g_encrypt(&g, aes);
        g_store(o + 16 * at, &g);
    }
    if (at < blocks) {
        uint8_t tail[GROUP_BYTES];
        group g = g_count(counter + at, tweak);
        g_encrypt(&g, aes);
        g_store(tail, &g);
        memcpy(o + 16 * at, tail, 16 * (blocks - at));
        mal_wipe(tail, sizeof tail);
    }
}

TARGET static void NAME(ctr_xor)(void *out, size_t blocks,
                                 const mal_prim_aes *aes, uint64_t counter,
                                 uint64_t tweak) {
#define F(g, at)                                                               \
    do {                                                                       \
        group s_ = g_count(counter + (at), tweak);                             \
        g_encrypt(&s_, aes);                                                   \
        g_xor((g), &s_);                                                       \
    } while (0)
    FOR_GROUPS(out, out, blocks, F);
#undef F
}

TARGET static void NAME(mmo)(void *out, const void *in, size_t blocks,
                             const mal_prim_aes *fixed) {
#define F(g, at)                                                               \
    do {                                                                       \
        group x_ = *(g);                                                       \
        (void)(at);                                                            \
        g_encrypt((g), fixed);                                                 \
        g_xor((g), &x_);                                                       \
    } while (0)
    FOR_GROUPS(out, in, blocks, F);
#undef F
}

TARGET static void NAME(tmmo)(void *out, const void *in, size_t blocks,
                              const mal_prim_aes *fixed, uint64_t tweak) {
#define F(g, at)                                                               \
    do {                                                                       \
        group t_ = g_count(tweak + (at), 0), px_;                              \
        g_encrypt((g), fixed);                                                 \
        px_ = *(g);                                                            \
        g_xor((g), &t_);                                                       \
        g_encrypt((g), fixed);                                                 \
        g_xor((g), &px_);                                                      \
    } while (0)
    FOR_GROUPS(out, in, blocks, F);
#undef F
}

#undef FOR_GROUPS
#undef GROUP_BYTES
#undef NAME_
#undef NAME__
#undef NAME
