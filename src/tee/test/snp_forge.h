/* snp_forge.h - SNP reports under a root of our own: by default all of it is
 * good, and a case spoils one thing before it is signed, or after.
 */
#ifndef MALUS_SNP_FORGE_H
#define MALUS_SNP_FORGE_H

#include "mal_vendor.h"

#include <malus/tee.h>

#define NOW 1700000000u
#define DAY 86400u
#define AMD "1.3.6.1.4.1.3704.1."
#define REPORT_LEN 1184
#define SIGNED_LEN 0x2a0

/* Keys by number: who holds which; the chip's are on P-384. */
enum { ARK, ASK, STRANGER };
enum { CHIP, OTHER_CHIP };
enum { SERIAL_ASK = 2 };

typedef struct window {
    uint64_t from, to;
} window;

typedef struct forge {
    uint8_t report[REPORT_LEN]; /* r and s are filled in */
    int signed_by;              /* CHIP or OTHER_CHIP */
    /* the leaf */
    const char *product, *provider; /* provider: a VLEK's */
    uint8_t tcb[8];                 /* in the order of the word */
    bool turin;                     /* which order that is */
    size_t chip_len;
    bool wrapped, no_chip, no_product;
    int omit_tcb, tcb_int; /* which component is absent; its whole INTEGER */
    int leaf_by, ask_by;
    bool no_leaf, no_ask, no_root, ask_is_none, other_leaf_too;
    window leaf_life, ask_life, ark_life, crl_life;
    bool crl, ask_revoked;
    int crl_by;
    /* judging */
    uint64_t time;
    mal_bytes nonce;
    void (*after)(struct forge *f); /* once it is signed */
    mal_tee_verdict verdict;
} forge;

static void forge_tcb(forge *f, const uint8_t word[8]) {
    memcpy(f->tcb, word, 8);
    memcpy(f->report + 0x38, word, 8);
    memcpy(f->report + 0x180, word, 8);
    memcpy(f->report + 0x1e0, word, 8);
    memcpy(f->report + 0x1f0, word, 8);
}

static void forge_product(forge *f, const char *name, uint8_t family,
                          uint8_t model) {
    static const uint8_t old[8] = { 4, 0, 0, 0, 0, 0, 24, 217 };
    static const uint8_t turin[8] = { 1, 2, 3, 4, 0, 0, 0, 77 };
    f->product = name;
    f->turin = strncmp(name, "Turin", 5) == 0;
    forge_tcb(f, f->turin ? turin : old);
    f->chip_len = f->turin ? 8 : 64;
    memset(f->report + 0x1a0, 0, 64);
    memset(f->report + 0x1a0, 0xc1, f->chip_len);
    if (f->report[0] >= 3) {
        f->report[0x188] = family;
        f->report[0x189] = model;
    }
}

__attribute__((unused)) static void forge_vlek(forge *f) {
    f->provider = "CN=cloud.example";
    f->report[0x48] = 1 << 2;
    memset(f->report + 0x1a0, 0, 64);
}

static void forge_init(forge *f, unsigned version) {
    const window life = { NOW - 10 * DAY, NOW + 10 * DAY };
    *f = (forge){ .signed_by = CHIP,
                  .leaf_by = ASK,
                  .ask_by = ARK,
                  .crl_by = ARK,
                  .leaf_life = life,
                  .ask_life = life,
                  .ark_life = life,
                  .crl_life = life,
                  .tcb_int = -1,
                  .omit_tcb = -1,
                  .time = NOW };
    f->report[0] = (uint8_t)version;
    f->report[0x08] = 0x1f;
    f->report[0x0a] = 0x03; /* SMT, and the bit that is one */
    f->report[0x34] = 1;    /* ECDSA P-384 with SHA-384 */
    memset(f->report + 0x50, 0x5a, 64);
    memset(f->report + 0x90, 0x77, 48);
    forge_product(f, "Milan", 0x19, 0x01);
}

/* --- Certificates ----------------------------------------------------------
 */

typedef struct exts {
    mal_vendor_ext e[16];
    uint8_t room[16][80];
    char oid[16][32];
    size_t n;
} exts;

static void add_ext(exts *x, const char *tail, const void *bytes, size_t len) {
    CHECK(x->n < 16 && len <= 80);
    snprintf(x->oid[x->n], 32, AMD "%s", tail);
    memcpy(x->room[x->n], bytes, len);
    x->e[x->n] =
        (mal_vendor_ext){ x->oid[x->n], mal_bytes_of(x->room[x->n], len) };
    x->n++;
}

static void add_tagged(exts *x, const char *tail, uint8_t tag,
                       const void *bytes, size_t len) {
    uint8_t der[80] = { tag, (uint8_t)len };
    memcpy(der + 2, bytes, len);
    add_ext(x, tail, der, len + 2);
}

static void add_component(exts *x, const char *tail, int v) {
    uint8_t be[3] = { 0, (uint8_t)(v >> 8), (uint8_t)v };
    size_t skip = v < 0x80 ? 2 : v < 0x8000 && v != (v & 0xff) ? 1 : 1;
    add_tagged(x, tail, 0x02, be + skip, 3 - skip);
}

static void make_exts(exts *x, const forge *f) {
    static const char *const old[8] = { "3.1", "3.2", "3.4", "3.5",
                                        "3.6", "3.7", "3.3", "3.8" };
    static const char *const turin[8] = { "3.9", "3.1", "3.2", "3.3",
                                          "3.5", "3.6", "3.7", "3.8" };
    const char *const *oids = f->turin ? turin : old;
    uint8_t chip[64];
    add_component(x, "1", 1);
    if (!f->no_product)
        add_tagged(x, "2", 0x16, f->product, strlen(f->product));
    for (int i = 0; i < 8; i++)
        if (f->omit_tcb != i)
            add_component(x, oids[i],
                          i == 7 && f->tcb_int >= 0 ? f->tcb_int : f->tcb[i]);
    memset(chip, 0xc1, sizeof chip);
    if (f->provider)
        add_tagged(x, "5", 0x0c, f->provider, strlen(f->provider));
    else if (!f->no_chip && f->wrapped)
        add_tagged(x, "4", 0x04, chip, f->chip_len);
    else if (!f->no_chip)
        add_ext(x, "4", chip, f->chip_len);
}

static void issue_leaf(mal_buf *der, const forge *f, unsigned key,
                       const exts *x) {
    mal_vendor_cert c = { .cn = f->provider ? "SEV-VLEK" : "SEV-VCEK",
                          .issuer_cn = "SEV-Test",
                          .key = mal_vendor_key384(key),
                          .issuer_key = mal_vendor_key((unsigned)f->leaf_by),
                          .from = f->leaf_life.from,
                          .to = f->leaf_life.to,
                          .serial = 0, /* as AMD's */
                          .more = x->e,
                          .n_more = x->n };
    mal_vendor_issue(der, &c);
}

static void issue_ca(mal_buf *der, const char *cn, int key, int by, int serial,
                     window life, bool ca) {
    mal_vendor_cert c = { .cn = cn,
                          .issuer_cn = "ARK-Test",
                          .key = mal_vendor_key((unsigned)key),
                          .issuer_key = mal_vendor_key((unsigned)by),
                          .ca = ca,
                          .from = life.from,
                          .to = life.to,
                          .serial = serial };
    mal_vendor_issue(der, &c);
}

static void put_leaf(mal_buf *pem, const forge *f) {
    MAL_AUTO(mal_buf_clear) mal_buf der = { 0 };
    exts x = { 0 };
    make_exts(&x, f);
    issue_leaf(&der, f, CHIP, &x);
    mal_vendor_pem(pem, mal_buf_view(&der));
}

/* Of the other kind: a provider's beside a chip's, a chip's beside that. */
static void put_other_leaf(mal_buf *pem, const forge *f) {
    forge other = *f;
    other.provider = f->provider ? NULL : "CN=cloud.example";
    other.chip_len = 64;
    put_leaf(pem, &other);
}

static void make_chain(mal_buf *pem, const forge *f, mal_prim_hash *anchor) {
    MAL_AUTO(mal_buf_clear) mal_buf ark = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf ask = { 0 };
    issue_ca(&ark, "ARK-Test", ARK, ARK, 1, f->ark_life, true);
    issue_ca(&ask, "SEV-Test", ASK, f->ask_by, SERIAL_ASK, f->ask_life,
             !f->ask_is_none);
    mal_prim_sha256_of(anchor, mal_buf_view(&ark));
    if (f->other_leaf_too)
        put_other_leaf(pem, f);
    if (!f->no_leaf)
        put_leaf(pem, f);
    if (!f->no_ask)
        mal_vendor_pem(pem, mal_buf_view(&ask));
    if (!f->no_root)
        mal_vendor_pem(pem, mal_buf_view(&ark));
    if (pem->len == 0)
        CHECK_OK(mal_buf_put_str(pem, "nothing"));
}

/* --- Signing and judging -----------------------------------------------------
 */

static void sign_report(forge *f) {
    uint8_t sig[96];
    mal_vendor_sign384(sig, mal_vendor_key384((unsigned)f->signed_by),
                       mal_bytes_of(f->report, SIGNED_LEN));
    for (size_t i = 0; i < 48; i++) {
        f->report[SIGNED_LEN + i] = sig[47 - i];
        f->report[SIGNED_LEN + 72 + i] = sig[95 - i];
    }
}

/* The chain and perhaps a list, as two endorsements. */
static size_t make_endorsements(mal_buf out[2], const forge *f,
                                mal_prim_hash *anchor) {
    make_chain(&out[0], f, anchor);
    if (f->crl)
        mal_vendor_crl(&out[1], "ARK-Test", mal_vendor_key((unsigned)f->crl_by),
                       f->crl_life.from, f->crl_life.to,
                       f->ask_revoked ? SERIAL_ASK : 0);
    return f->crl ? 2 : 1;
}

__attribute__((unused)) static const char *forge_judge(forge *f) {
    mal_buf endorsements[2] = { 0 };
    mal_bytes views[2];
    MAL_AUTO(mal_arena_auto)
    mal_arena *arena = mal_arena_new(MAL_TEE_ARENA_BYTES);
    mal_tee_input input = { .kind = MAL_TEE_SNP,
                            .time = f->time,
                            .nonce = f->nonce,
                            .has_nonce = f->nonce.len > 0 };
    sign_report(f);
    if (f->after)
        f->after(f);
    input.n_endorsements =
        make_endorsements(endorsements, f, &input.anchor.hash);
    for (size_t i = 0; i < 2; i++)
        views[i] = mal_buf_view(&endorsements[i]);
    input.evidence = mal_bytes_of(f->report, REPORT_LEN);
    input.endorsements = views;
    CHECK_OK(mal_tee_verify(&f->verdict, arena, &input));
    mal_buf_clear(&endorsements[0]);
    mal_buf_clear(&endorsements[1]);
    return mal_tee_code_name(f->verdict.code);
}

#endif
