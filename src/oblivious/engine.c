/* engine.c - one party's operators, running or dry, and the verdict. */
#include "oblivious_impl.h"

/* Built-in figures: one core of a server of 2021, memory channels.  They are
 * replaced by what `malus bench share3` measures. */
static const mal_obl_rates rates_default = {
    .and_word_ns = 4,
    .mul_ns = 6,
    .byte_ns = 1,
    .round_ns = 20000,
    .permute_ns = 60,
    .compare_word_ns = 20,
};

static mal_err engine_new(mal_obl **o) {
    *o = mal_calloc(1, sizeof **o);
    return *o ? MAL_OK : mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
}

mal_err mal_obl_open(mal_obl **o, mal_share3 *s) {
    MAL_TRY(engine_new(o));
    (*o)->s = s;
    (*o)->me = mal_share3_me(s);
    (*o)->security = mal_share3_security_of(s);
    (*o)->rates = rates_default;
    return MAL_OK;
}

mal_err mal_obl_open_dry(mal_obl **o, mal_share3_security security,
                         const mal_obl_rates *rates) {
    MAL_TRY(engine_new(o));
    (*o)->security = security;
    (*o)->meter.malicious = security == MAL_SHARE3_MALICIOUS;
    (*o)->rates = rates ? *rates : rates_default;
    return MAL_OK;
}

static void forget_promises(mal_obl *o) {
    for (unsigned i = 0; i < o->n_broken; i++)
        mal_share3_bits_clear(&o->broken[i]);
    mal_free(o->broken);
    o->broken = NULL;
    o->n_broken = 0;
}

void mal_obl_close(mal_obl **o) {
    if (*o)
        forget_promises(*o);
    mal_free(*o);
    *o = NULL;
}

/* All checks below each other, each in whole words whose tail is 0. */
static mal_err stack_promises(mal_obl *o, bits *z) {
    size_t m = 0;
    for (unsigned i = 0; i < o->n_broken; i++)
        m += o->broken[i].stride;
    MAL_TRY(obl_bits_new(o, z, 64 * m, 1));
    m = 0;
    for (unsigned i = 0; i < o->n_broken; i++) {
        obl_rows_put(z, 64 * m, &o->broken[i]);
        m += o->broken[i].stride;
    }
    return MAL_OK;
}

mal_err mal_obl_verdict(mal_obl *o) {
    OBL_AUTO_BITS all = { 0 }, any = { 0 };
    uint64_t broken = 0;
    if (o->n_broken == 0)
        return MAL_OK;
    MAL_TRY(stack_promises(o, &all));
    MAL_TRY(obl_any(o, &any, &all));
    forget_promises(o);
    MAL_TRY(obl_open_bits(o, &broken, &any));
    MAL_REQUIRE(!(broken & 1), MAL_E_INPUT,
                "a key declared unique is not, or a declared bound of rows is "
                "exceeded: the answer is withheld");
    return MAL_OK;
}
