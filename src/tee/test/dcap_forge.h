/* dcap_forge.h - quotes and collateral under a root of our own: by default all
 * of it is good, and a case spoils one thing before it is signed, or after.
 */
#ifndef MALUS_DCAP_FORGE_H
#define MALUS_DCAP_FORGE_H

#include "mal_vendor.h"

#include <malus/tee.h>

#define NOW 1700000000u
#define DAY 86400u
#define SGX_OID "1.2.840.113741.1.13.1"

/* Keys by number: who holds which. */
enum { ROOT, CA, PCK, SIGNER, ATTEST, STRANGER };

typedef struct window {
    uint64_t from, to;
} window;

typedef struct level {
    int sgx[16], pce, tdx[16];
    const char *status;
    const char *advisory; /* NULL: none */
    int n_sgx, n_tdx;     /* components told; 16 */
} level;

typedef struct module {
    const char *id, *status;
    int svn;
    uint8_t signer[48], attributes[8], mask[8];
} module;

/* Whatever stands behind a piece of evidence, before it is signed. */
typedef struct forge {
    /* quote */
    unsigned version, key_type, body_type;
    uint32_t tee;
    uint8_t vendor[16], body[648], qe_report[384], qe_auth[32];
    size_t body_len;
    unsigned inner_type, cert_type;
    bool unbound; /* the QE's report data are not made to fit */
    int quote_key, report_key;
    /* PCK certificate */
    int svn[16], pce_svn;
    uint8_t fmspc[6], pce_id[2], ppid[16];
    unsigned omit; /* a member of the extension */
    bool no_extension, twice;
    const char *pck_cn;
    /* certificates: who signs, windows, serial numbers */
    int pck_by, ca_by, signer_by;
    bool ca_is_none, no_ca, no_root;
    const char *signer_cn;
    window pck_life, ca_life, root_life, signer_life;
    /* lists */
    bool no_root_crl, no_pck_crl;
    int root_crl_by, pck_crl_by, root_revokes, pck_revokes;
    window root_crl_life, pck_crl_life;
    /* TCB info */
    const char *tcb_id, *tcb_extra;
    int tcb_version, tcb_type, tcb_by, evaluation;
    uint8_t tcb_fmspc[6], tcb_pce_id[2];
    window tcb_life;
    level levels[3];
    size_t n_levels;
    module modules[2], plain;
    size_t n_modules;
    bool no_tcb, no_tdx_module;
    /* QE identity */
    const char *qe_id, *qe_status;
    int qe_version, qe_by, qe_product, qe_svn;
    uint8_t qe_misc[4], qe_misc_mask[4], qe_attributes[16], qe_mask[16],
        qe_signer[32];
    window qe_life;
    bool no_qe, no_qe_levels;
    /* judging */
    mal_tee_scope scope;
    uint64_t time;
    mal_bytes nonce;
    /* after signing */
    void (*after)(struct forge *f);
    mal_buf quote, collateral;
    mal_tee_verdict verdict;
} forge;

/* Serial numbers. */
enum { SERIAL_CA = 2, SERIAL_PCK = 3, SERIAL_SIGNER = 4 };

static void forge_levels(forge *f) {
    static const char *const status[] = { "UpToDate", "SWHardeningNeeded",
                                          "OutOfDate" };
    f->n_levels = 3;
    for (int i = 0; i < 3; i++) {
        level *l = &f->levels[i];
        *l = (level){ .pce = 10 - i,
                      .status = status[i],
                      .n_sgx = 16,
                      .n_tdx = 16,
                      .advisory = i ? "INTEL-SA-00615" : NULL };
        for (int j = 0; j < 16; j++) {
            l->sgx[j] = 3 - i;
            l->tdx[j] = 3 - i;
        }
    }
}

/* version 3 is SGX, 4 and 5 TDX; 5 with a body of 1.5. */
static void forge_init(forge *f, unsigned version) {
    static const uint8_t intel[16] = { 0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c,
                                       0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3,
                                       0x95, 0x7f, 0x06, 0x07 };
    const window life = { NOW - 10 * DAY, NOW + 10 * DAY };
    bool tdx = version > 3;
    *f = (forge){ .version = version,
                  .key_type = 2,
                  .body_type = 3,
                  .tee = tdx ? 0x81 : 0,
                  .inner_type = 6,
                  .cert_type = 5,
                  .body_len = version == 3   ? 384
                              : version == 4 ? 584
                                             : 648,
                  .quote_key = ATTEST,
                  .report_key = PCK,
                  .pce_svn = 10,
                  .fmspc = { 1, 2, 3, 0xab, 0xcd, 6 },
                  .pck_cn = "Intel SGX PCK Certificate",
                  .pck_by = CA,
                  .ca_by = ROOT,
                  .signer_by = ROOT,
                  .signer_cn = "Intel SGX TCB Signing",
                  .root_crl_by = ROOT,
                  .pck_crl_by = CA,
                  .tcb_id = tdx ? "TDX" : "SGX",
                  .tcb_version = 3,
                  .tcb_by = SIGNER,
                  .evaluation = 18,
                  .tcb_fmspc = { 1, 2, 3, 0xab, 0xcd, 6 },
                  .qe_id = tdx ? "TD_QE" : "QE",
                  .qe_status = "UpToDate",
                  .qe_version = 2,
                  .qe_by = SIGNER,
                  .qe_product = 2,
                  .qe_svn = 4,
                  .time = NOW };
    f->pck_life = f->ca_life = f->root_life = f->signer_life = life;
    f->root_crl_life = f->pck_crl_life = f->tcb_life = f->qe_life = life;
    memcpy(f->vendor, intel, sizeof intel);
    forge_levels(f);
    for (int i = 0; i < 16; i++)
        f->svn[i] = 3;
    for (int i = 0; i < 16 && tdx; i++) {
        f->body[i] = 3;
        f->body[584 + i] = 3;
    }
    if (tdx)
        f->body[1] = f->body[585] = 1; /* the module's version */
    memset(f->body + (tdx ? 520 : 320), 0x5a, 64);
    f->n_modules = 1;
    f->modules[0] = (module){ .id = "TDX_01", .status = "UpToDate", .svn = 2 };
    memset(f->modules[0].mask, 0xff, 8);
    memset(f->plain.mask, 0xff, 8);
    memset(f->qe_signer, 0x77, 32);
    memset(f->qe_report + 128, 0x77, 32);
    f->qe_report[256] = 2; /* ISVPRODID */
    f->qe_report[258] = 4; /* ISVSVN */
    f->qe_report[48] = f->qe_attributes[0] = 0x11;
    memset(f->qe_mask, 0xff, 16);
    f->qe_mask[0] = 0xfb;
    memset(f->qe_misc_mask, 0xff, 4);
}

/* --- JSON ---------------------------------------------------------------- */

static void put(mal_buf *out, const char *text) {
    CHECK_OK(mal_buf_put_str(out, text));
}

static void put_hex(mal_buf *out, const char *key, const void *ptr,
                    size_t len) {
    char text[129];
    mal_hex_encode(text, mal_bytes_of(ptr, len));
    CHECK_OK(mal_buf_put_fmt(out, "\"%s\":\"%s\",", key, text));
}

static void put_window(mal_buf *out, window w) {
    char from[21], to[21];
    mal_time_format(from, w.from);
    mal_time_format(to, w.to);
    CHECK_OK(mal_buf_put_fmt(out, "\"issueDate\":\"%s\",\"nextUpdate\":\"%s\",",
                             from, to));
}

static void put_components(mal_buf *out, const char *key, const int *svn,
                           int n) {
    CHECK_OK(mal_buf_put_fmt(out, "\"%s\":[", key));
    for (int i = 0; i < n; i++)
        CHECK_OK(mal_buf_put_fmt(out, "%s{\"svn\":%d}", i ? "," : "", svn[i]));
    put(out, "],");
}

static void put_level(mal_buf *out, const level *l, bool tdx) {
    put(out, "{\"tcb\":{");
    put_components(out, "sgxtcbcomponents", l->sgx, l->n_sgx);
    if (tdx)
        put_components(out, "tdxtcbcomponents", l->tdx, l->n_tdx);
    CHECK_OK(mal_buf_put_fmt(
        out, "\"pcesvn\":%d},\"tcbDate\":\"2023-01-01T00:00:00Z\",", l->pce));
    if (l->advisory)
        CHECK_OK(
            mal_buf_put_fmt(out, "\"advisoryIDs\":[\"%s\"],", l->advisory));
    CHECK_OK(mal_buf_put_fmt(out, "\"tcbStatus\":\"%s\"}", l->status));
}

static void put_identity(mal_buf *out, const module *m) {
    put_hex(out, "mrsigner", m->signer, 48);
    put_hex(out, "attributes", m->attributes, 8);
    put_hex(out, "attributesMask", m->mask, 8);
}

static void put_modules(mal_buf *out, const forge *f) {
    if (!f->no_tdx_module) {
        put(out, "\"tdxModule\":{");
        put_identity(out, &f->plain);
        put(out, "\"x\":0},");
    }
    put(out, "\"tdxModuleIdentities\":[");
    for (size_t i = 0; i < f->n_modules; i++) {
        const module *m = &f->modules[i];
        put(out, i ? ",{" : "{");
        put_identity(out, m);
        CHECK_OK(mal_buf_put_fmt(
            out,
            "\"id\":\"%s\",\"tcbLevels\":[{\"tcb\":{\"isvsvn\":%d},"
            "\"tcbStatus\":\"%s\"}]}",
            m->id, m->svn, m->status));
    }
    put(out, "],");
}

static void make_tcb(mal_buf *out, const forge *f) {
    CHECK_OK(mal_buf_put_fmt(out,
                             "{\"id\":\"%s\",\"version\":%d,\"tcbType\":%d,"
                             "\"tcbEvaluationDataNumber\":%d,",
                             f->tcb_id, f->tcb_version, f->tcb_type,
                             f->evaluation));
    put_window(out, f->tcb_life);
    put_hex(out, "fmspc", f->tcb_fmspc, 6);
    put_hex(out, "pceId", f->tcb_pce_id, 2);
    if (f->version > 3)
        put_modules(out, f);
    put(out, f->tcb_extra ? f->tcb_extra : "");
    put(out, "\"tcbLevels\":[");
    for (size_t i = 0; i < f->n_levels; i++) {
        put(out, i ? "," : "");
        put_level(out, &f->levels[i], f->version > 3);
    }
    put(out, "]}");
}

static void make_qe(mal_buf *out, const forge *f) {
    CHECK_OK(mal_buf_put_fmt(out,
                             "{\"id\":\"%s\",\"version\":%d,\"isvprodid\":%d,"
                             "\"tcbEvaluationDataNumber\":%d,",
                             f->qe_id, f->qe_version, f->qe_product,
                             f->evaluation));
    put_window(out, f->qe_life);
    put_hex(out, "miscselect", f->qe_misc, 4);
    put_hex(out, "miscselectMask", f->qe_misc_mask, 4);
    put_hex(out, "attributes", f->qe_attributes, 16);
    put_hex(out, "attributesMask", f->qe_mask, 16);
    put_hex(out, "mrsigner", f->qe_signer, 32);
    if (f->no_qe_levels)
        put(out, "\"tcbLevels\":[]}");
    else
        CHECK_OK(mal_buf_put_fmt(out,
                                 "\"tcbLevels\":[{\"tcb\":{\"isvsvn\":%d},"
                                 "\"tcbStatus\":\"%s\"}]}",
                                 f->qe_svn, f->qe_status));
}

/* --- Certificates -------------------------------------------------------- */

/* tag, length of one or two bytes, contents. */
static void put_der(mal_buf *out, uint8_t tag, mal_bytes in) {
    CHECK_OK(mal_buf_put_u8(out, tag));
    if (in.len >= 256)
        CHECK_OK(mal_buf_put(out, mal_bytes_of("\x82", 1)));
    else if (in.len >= 128)
        CHECK_OK(mal_buf_put(out, mal_bytes_of("\x81", 1)));
    if (in.len >= 256)
        CHECK_OK(mal_buf_put_u8(out, (uint8_t)(in.len >> 8)));
    CHECK_OK(mal_buf_put_u8(out, (uint8_t)in.len));
    CHECK_OK(mal_buf_put(out, in));
}

/* SEQUENCE { OID of the extension, then .a or .a.b; value } */
static void put_member(mal_buf *out, int a, int b, uint8_t tag,
                       mal_bytes value) {
    MAL_AUTO(mal_buf_clear) mal_buf in = { 0 };
    uint8_t oid[11] = { 0x2a, 0x86, 0x48, 0x86,       0xf8,      0x4d,
                        0x01, 0x0d, 0x01, (uint8_t)a, (uint8_t)b };
    put_der(&in, 0x06, mal_bytes_of(oid, b ? 11 : 10));
    put_der(&in, tag, value);
    put_der(out, 0x30, mal_buf_view(&in));
}

static void put_svn(mal_buf *out, int number, int svn) {
    uint8_t v[3] = { 0, (uint8_t)(svn >> 8), (uint8_t)svn };
    size_t skip = svn < 0x80                     ? 2
                  : svn < 0x8000 && svn >= 0x100 ? 1
                  : svn < 0x100                  ? 1
                                                 : 0;
    put_member(out, 2, number, 0x02, mal_bytes_of(v + skip, 3 - skip));
}

static void make_extension(mal_buf *out, const forge *f) {
    MAL_AUTO(mal_buf_clear) mal_buf in = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf tcb = { 0 };
    for (int i = 0; i < 16; i++)
        put_svn(&tcb, i + 1, f->svn[i]);
    if (f->omit != 17)
        put_svn(&tcb, 17, f->pce_svn);
    put_member(&tcb, 2, 18, 0x04, mal_bytes_of(f->ppid, 16));
    if (f->omit != 1)
        put_member(&in, 1, 0, 0x04, mal_bytes_of(f->ppid, 16));
    if (f->omit != 2)
        put_member(&in, 2, 0, 0x30, mal_buf_view(&tcb));
    if (f->omit != 3)
        put_member(&in, 3, 0, 0x04, mal_bytes_of(f->pce_id, 2));
    for (int n = f->omit == 4 ? 0 : 1 + f->twice; n--;)
        put_member(&in, 4, 0, 0x04, mal_bytes_of(f->fmspc, 6));
    put_der(out, 0x30, mal_buf_view(&in));
}

static void issue(mal_buf *der, const char *cn, int key, const char *by_cn,
                  int by, int serial, window life, bool ca, mal_bytes ext) {
    mal_vendor_cert c = { .cn = cn,
                          .issuer_cn = by_cn,
                          .key = mal_vendor_key((unsigned)key),
                          .issuer_key = mal_vendor_key((unsigned)by),
                          .ca = ca,
                          .from = life.from,
                          .to = life.to,
                          .serial = serial,
                          .oid = ext.len ? SGX_OID : NULL,
                          .extension = ext };
    mal_vendor_issue(der, &c);
}

static void put_root(mal_buf *pem, const forge *f, mal_prim_hash *anchor) {
    MAL_AUTO(mal_buf_clear) mal_buf der = { 0 };
    issue(&der, "root", ROOT, "root", ROOT, 1, f->root_life, true,
          (mal_bytes){ 0 });
    mal_prim_sha256_of(anchor, mal_buf_view(&der));
    mal_vendor_pem(pem, mal_buf_view(&der));
}

/* PCK certificate and CA, as they stand in the quote, and the same root. */
static void make_chain(mal_buf *pem, const forge *f, const mal_buf *root) {
    MAL_AUTO(mal_buf_clear) mal_buf ext = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf der = { 0 };
    if (!f->no_extension)
        make_extension(&ext, f);
    issue(&der, f->pck_cn, PCK, "ca", f->pck_by, SERIAL_PCK, f->pck_life, false,
          mal_buf_view(&ext));
    mal_vendor_pem(pem, mal_buf_view(&der));
    mal_buf_reset(&der);
    issue(&der, "ca", CA, "root", f->ca_by, SERIAL_CA, f->ca_life,
          !f->ca_is_none, (mal_bytes){ 0 });
    if (!f->no_ca)
        mal_vendor_pem(pem, mal_buf_view(&der));
    if (!f->no_root)
        CHECK_OK(mal_buf_put(pem, mal_buf_view(root)));
}

/* --- The quote ----------------------------------------------------------- */

static void bind_key(forge *f, mal_bytes xy) {
    uint8_t both[64 + 32];
    mal_prim_hash hash;
    if (f->unbound)
        return;
    memcpy(both, xy.ptr, 64);
    memcpy(both + 64, f->qe_auth, 32);
    mal_prim_sha256_of(&hash, mal_bytes_of(both, sizeof both));
    memcpy(f->qe_report + 320, hash.b, 32);
}

static void put_u16(mal_buf *out, unsigned v) {
    CHECK_OK(mal_buf_put_u16(out, (uint16_t)v));
}

static void put_qe_data(mal_buf *out, const forge *f, const mal_buf *chain) {
    uint8_t sig[64];
    mal_bytes report = mal_bytes_of(f->qe_report, 384);
    mal_vendor_sign(sig, mal_vendor_key((unsigned)f->report_key), report);
    CHECK_OK(mal_buf_put(out, report));
    CHECK_OK(mal_buf_put(out, mal_bytes_of(sig, 64)));
    put_u16(out, 32);
    CHECK_OK(mal_buf_put(out, mal_bytes_of(f->qe_auth, 32)));
    put_u16(out, f->cert_type);
    CHECK_OK(mal_buf_put_blob(out, mal_buf_view(chain)));
}

static void put_signed(mal_buf *out, const forge *f) {
    uint8_t rest[20] = { 0 };
    put_u16(out, f->version);
    put_u16(out, f->key_type);
    CHECK_OK(mal_buf_put_u32(out, f->tee));
    CHECK_OK(mal_buf_put(out, mal_bytes_of(rest, 4)));
    CHECK_OK(mal_buf_put(out, mal_bytes_of(f->vendor, 16)));
    CHECK_OK(mal_buf_put(out, mal_bytes_of(rest, 20)));
    if (f->version == 5) {
        put_u16(out, f->body_type);
        CHECK_OK(mal_buf_put_u32(out, (uint32_t)f->body_len));
    }
    CHECK_OK(mal_buf_put(out, mal_bytes_of(f->body, f->body_len)));
}

static void make_quote(forge *f, const mal_buf *chain) {
    MAL_AUTO(mal_buf_clear) mal_buf data = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf inner = { 0 };
    uint8_t xy[64], sig[64];
    mal_vendor_xy(xy, mal_vendor_key(ATTEST));
    bind_key(f, mal_bytes_of(xy, 64));
    put_signed(&f->quote, f);
    mal_vendor_sign(sig, mal_vendor_key((unsigned)f->quote_key),
                    mal_buf_view(&f->quote));
    put_qe_data(&inner, f, chain);
    CHECK_OK(mal_buf_put(&data, mal_bytes_of(sig, 64)));
    CHECK_OK(mal_buf_put(&data, mal_bytes_of(xy, 64)));
    if (f->version > 3) {
        put_u16(&data, f->inner_type);
        CHECK_OK(mal_buf_put_blob(&data, mal_buf_view(&inner)));
    } else {
        CHECK_OK(mal_buf_put(&data, mal_buf_view(&inner)));
    }
    CHECK_OK(mal_buf_put_blob(&f->quote, mal_buf_view(&data)));
}

/* --- Collateral ---------------------------------------------------------- */

static void put_json(mal_json *out, const char *key, int by,
                     const mal_buf *text) {
    uint8_t sig[64];
    char name[64];
    mal_vendor_sign(sig, mal_vendor_key((unsigned)by), mal_buf_view(text));
    snprintf(name, sizeof name, "%s_signature", key);
    CHECK_OK(mal_json_put_text(out, key, mal_buf_view(text)));
    CHECK_OK(mal_json_put_hex(out, name, mal_bytes_of(sig, 64)));
}

static void put_crl(mal_json *out, const char *key, const char *cn, int by,
                    window life, int revokes) {
    MAL_AUTO(mal_buf_clear) mal_buf der = { 0 };
    mal_vendor_crl(&der, cn, mal_vendor_key((unsigned)by), life.from, life.to,
                   revokes);
    CHECK_OK(mal_json_put_hex(out, key, mal_buf_view(&der)));
}

static void put_signer(mal_json *out, const forge *f, const mal_buf *root) {
    MAL_AUTO(mal_buf_clear) mal_buf der = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf pem = { 0 };
    issue(&der, f->signer_cn, SIGNER, "root", f->signer_by, SERIAL_SIGNER,
          f->signer_life, false, (mal_bytes){ 0 });
    mal_vendor_pem(&pem, mal_buf_view(&der));
    CHECK_OK(mal_buf_put(&pem, mal_buf_view(root)));
    CHECK_OK(
        mal_json_put_text(out, "tcb_info_issuer_chain", mal_buf_view(&pem)));
}

static void make_collateral(forge *f, const mal_buf *root) {
    MAL_AUTO(mal_json_auto) mal_json *out = NULL;
    MAL_AUTO(mal_buf_clear) mal_buf tcb = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf qe = { 0 };
    CHECK_OK(mal_json_new_object(&out));
    make_tcb(&tcb, f);
    make_qe(&qe, f);
    if (!f->no_tcb)
        put_json(out, "tcb_info", f->tcb_by, &tcb);
    if (!f->no_qe)
        put_json(out, "qe_identity", f->qe_by, &qe);
    put_signer(out, f, root);
    if (!f->no_root_crl)
        put_crl(out, "root_ca_crl", "root", f->root_crl_by, f->root_crl_life,
                f->root_revokes);
    if (!f->no_pck_crl)
        put_crl(out, "pck_crl", "ca", f->pck_crl_by, f->pck_crl_life,
                f->pck_revokes);
    CHECK_OK(mal_json_dump(&f->collateral, out));
}

static mal_tee_kind forge_kind(const forge *f) {
    return f->version == 5   ? MAL_TEE_TDX_V5
           : f->version == 4 ? MAL_TEE_TDX_V4
                             : MAL_TEE_SGX_V3;
}

/* Sign all of it, and have it judged. */
__attribute__((unused)) static const char *forge_judge(forge *f) {
    MAL_AUTO(mal_buf_clear) mal_buf root = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf chain = { 0 };
    MAL_AUTO(mal_arena_auto)
    mal_arena *arena = mal_arena_new(MAL_TEE_ARENA_BYTES);
    mal_tee_input input = { .kind = forge_kind(f),
                            .scope = f->scope,
                            .time = f->time,
                            .nonce = f->nonce,
                            .has_nonce = f->nonce.len > 0 };
    put_root(&root, f, &input.anchor.hash);
    make_chain(&chain, f, &root);
    make_quote(f, &chain);
    make_collateral(f, &root);
    if (f->after)
        f->after(f);
    mal_bytes collateral = mal_buf_view(&f->collateral);
    input.evidence = mal_buf_view(&f->quote);
    input.endorsements = &collateral;
    input.n_endorsements = 1;
    CHECK_OK(mal_tee_verify(&f->verdict, arena, &input));
    mal_buf_clear(&f->quote);
    mal_buf_clear(&f->collateral);
    return mal_tee_code_name(f->verdict.code);
}

#endif
