/* dcap_quote.c - quotes cut in slices: version 3 [SgxQuote], 4 and 5
 * [TdxQuote].
 *
 *   header 48 | (v5: type u16, size u32) | body | size u32 | signature data
 *   signature data  v3   sig 64, key 64, QE data
 *                   v4+  sig 64, key 64, type 6 u16, size u32, QE data
 *   QE data         report 384, sig 64, size u16, auth, type u16, size u32,
 * chain
 *
 * What follows the signature data is padding of whoever stored it: never read.
 */
#include "dcap_impl.h"

#define HEADER 48
#define KEY_P256 2
#define TEE_SGX 0x00u
#define TEE_TDX 0x81u
#define TYPE_QE_DATA 6
/* Body types of version 5. */
#define BODY_SGX 1
#define BODY_TDX 2
#define BODY_TDX15 3
#define CERT_DATA_MAX ((size_t)64 << 10)

/* Intel's quoting enclave; the only vendor there is. */
static const uint8_t vendor[16] = { 0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c,
                                    0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3,
                                    0x95, 0x7f, 0x06, 0x07 };

typedef struct header {
    uint16_t version, key_type;
    uint32_t tee;
} header;

static mal_err rd_header(mal_rd *rd, header *h) {
    mal_bytes rest, id;
    MAL_TRY(mal_rd_u16(rd, &h->version));
    MAL_TRY(mal_rd_u16(rd, &h->key_type));
    MAL_TRY(mal_rd_u32(rd, &h->tee));
    MAL_TRY(mal_rd_raw(rd, &rest, 4));
    MAL_TRY(mal_rd_raw(rd, &id, sizeof vendor));
    MAL_TRY(mal_rd_raw(rd, &rest, HEADER - 12 - sizeof vendor));
    MAL_REQUIRE(h->version >= 3 && h->version <= 5, MAL_E_INPUT,
                "a quote of version %u", h->version);
    MAL_REQUIRE(h->key_type == KEY_P256, MAL_E_INPUT,
                "an attestation key of type %u", h->key_type);
    MAL_REQUIRE(mal_bytes_same_vartime(id, mal_bytes_of(vendor, sizeof vendor)),
                MAL_E_INPUT, "a quoting enclave of another vendor");
    return MAL_OK;
}

/* Which body, and how long: by the version, or by its own words. */
static mal_err rd_body_len(mal_rd *rd, const header *h, bool *tdx,
                           size_t *len) {
    uint16_t type;
    uint32_t size;
    if (h->version < 5) {
        *tdx = h->version == 4 && h->tee == TEE_TDX;
        *len = *tdx ? DCAP_TDX_BODY : DCAP_SGX_BODY;
        MAL_REQUIRE(h->version == 3 || *tdx || h->tee == TEE_SGX, MAL_E_INPUT,
                    "a quote of another machine");
        return MAL_OK;
    }
    MAL_TRY(mal_rd_u16(rd, &type));
    MAL_TRY(mal_rd_u32(rd, &size));
    *tdx = type != BODY_SGX;
    *len = type == BODY_SGX     ? DCAP_SGX_BODY
           : type == BODY_TDX   ? DCAP_TDX_BODY
           : type == BODY_TDX15 ? DCAP_TDX15_BODY
                                : 0;
    MAL_REQUIRE(*len && size == *len && h->tee == (*tdx ? TEE_TDX : TEE_SGX),
                MAL_E_INPUT, "a body of type %u with %u bytes", type, size);
    return MAL_OK;
}

static mal_err rd_qe_data(mal_rd *rd, dcap_quote *q) {
    uint16_t auth, type;
    uint32_t size;
    MAL_TRY(mal_rd_raw(rd, &q->qe_report, DCAP_SGX_BODY));
    MAL_TRY(mal_rd_raw(rd, &q->qe_sig, DCAP_SIG));
    MAL_TRY(mal_rd_u16(rd, &auth));
    MAL_TRY(mal_rd_raw(rd, &q->qe_auth, auth));
    MAL_TRY(mal_rd_u16(rd, &type));
    MAL_TRY(mal_rd_u32(rd, &size));
    MAL_REQUIRE(size <= CERT_DATA_MAX, MAL_E_INPUT,
                "a chain of more than %zu bytes", CERT_DATA_MAX);
    q->cert_type = type;
    MAL_TRY(mal_rd_raw(rd, &q->cert_data, size));
    return mal_rd_end(rd);
}

static mal_err rd_signature(mal_rd *rd, dcap_quote *q) {
    uint16_t type;
    uint32_t size;
    mal_bytes inner;
    MAL_TRY(mal_rd_raw(rd, &q->sig, DCAP_SIG));
    MAL_TRY(mal_rd_raw(rd, &q->key, DCAP_KEY));
    if (q->version == 3)
        return rd_qe_data(rd, q);
    MAL_TRY(mal_rd_u16(rd, &type));
    MAL_TRY(mal_rd_u32(rd, &size));
    MAL_REQUIRE(type == TYPE_QE_DATA, MAL_E_INPUT,
                "certification data of type %u", type);
    MAL_TRY(mal_rd_raw(rd, &inner, size));
    MAL_TRY(mal_rd_end(rd));
    mal_rd within = mal_rd_of(inner);
    return rd_qe_data(&within, q);
}

mal_err dcap_quote_parse(dcap_quote *q, mal_bytes evidence) {
    mal_rd rd = mal_rd_of(evidence);
    header h;
    size_t len;
    uint32_t size;
    mal_bytes data;
    *q = (dcap_quote){ 0 };
    MAL_TRY(rd_header(&rd, &h));
    q->version = h.version;
    MAL_TRY(rd_body_len(&rd, &h, &q->tdx, &len));
    MAL_TRY(mal_rd_raw(&rd, &q->body, len));
    q->signed_part =
        mal_bytes_of(evidence.ptr, (size_t)(rd.ptr - evidence.ptr));
    MAL_TRY(mal_rd_u32(&rd, &size));
    MAL_TRY(mal_rd_raw(&rd, &data, size));
    mal_rd within = mal_rd_of(data);
    return rd_signature(&within, q);
}

/* --- Fields -------------------------------------------------------------- */

typedef struct field {
    const char *name;
    size_t at, len;
} field;

static mal_bytes at(mal_bytes body, size_t offset, size_t len) {
    assert(offset + len <= body.len);
    return mal_bytes_of(body.ptr + offset, len);
}

static const field sgx_fields[] = {
    { "cpu_svn", 0, 16 },     { "misc_select", 16, 4 },
    { "attributes", 48, 16 }, { "isv_ext_prod_id", 32, 16 },
    { "config_id", 192, 64 }, { "isv_family_id", 304, 16 },
};
static const field tdx_fields[] = {
    { "tee_tcb_svn", 0, 16 },       { "mr_seam", 16, 48 },
    { "mr_signer_seam", 64, 48 },   { "seam_attributes", 112, 8 },
    { "td_attributes", 120, 8 },    { "xfam", 128, 8 },
    { "mr_config_id", 184, 48 },    { "mr_owner", 232, 48 },
    { "mr_owner_config", 280, 48 }, { "rtmr0", 328, 48 },
    { "rtmr1", 376, 48 },           { "rtmr2", 424, 48 },
    { "rtmr3", 472, 48 },
};
static const field tdx15_fields[] = {
    { "tee_tcb_svn_2", 584, 16 },
    { "mr_service_td", 600, 48 },
};
#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void add_fields(dcap *d, const field *fields, size_t n) {
    for (size_t i = 0; i < n; i++)
        tee_fact_bytes(d->c, fields[i].name,
                       at(d->quote.body, fields[i].at, fields[i].len));
}

static uint64_t u16_at(mal_bytes body, size_t offset) {
    mal_bytes b = at(body, offset, 2);
    return (uint64_t)b.ptr[0] | (uint64_t)b.ptr[1] << 8;
}

static void sgx_claims(dcap *d) {
    mal_bytes body = d->quote.body;
    d->c->claims->family = "SGX";
    d->c->claims->measurement = at(body, 64, 32);
    d->c->claims->signer = at(body, 128, 32);
    add_fields(d, sgx_fields, COUNT(sgx_fields));
    tee_fact_number(d->c, "isv_prod_id", u16_at(body, 256));
    tee_fact_number(d->c, "isv_svn", u16_at(body, 258));
    tee_fact_number(d->c, "config_svn", u16_at(body, 260));
}

static void tdx_claims(dcap *d) {
    d->c->claims->family = "TDX";
    d->c->claims->measurement = at(d->quote.body, 136, 48);
    add_fields(d, tdx_fields, COUNT(tdx_fields));
    if (d->quote.body.len == DCAP_TDX15_BODY)
        add_fields(d, tdx15_fields, COUNT(tdx15_fields));
}

mal_bytes dcap_report_data(const dcap_quote *q) {
    return at(q->body, q->tdx ? 520 : 320, 64);
}

mal_bytes dcap_rtmr(const dcap_quote *q, unsigned i) {
    return at(q->body, 328 + 48 * (size_t)i, DCAP_RTMR);
}

/* SGX: ATTRIBUTES.DEBUG.  TDX: any bit of the group "TD under debug". */
bool dcap_quote_debug(const dcap_quote *q) {
    return q->tdx ? at(q->body, 120, 1).ptr[0] != 0
                  : (at(q->body, 48, 1).ptr[0] & 2) != 0;
}

void dcap_quote_claims(dcap *d) {
    mal_tee_claims *claims = d->c->claims;
    if (d->quote.tdx)
        tdx_claims(d);
    else
        sgx_claims(d);
    claims->report_data = dcap_report_data(&d->quote);
    claims->debug = dcap_quote_debug(&d->quote);
    tee_fact_number(d->c, "quote_version", d->quote.version);
}
