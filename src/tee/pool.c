/* pool.c - certificates and lists among the endorsements; cursors. */
#include "tee_impl.h"

#include <string.h>

void tee_pool_clear(tee_pool *pool) {
    while (pool->n)
        mal_cert_free(pool->certs[--pool->n]);
    while (pool->n_crls)
        mal_crl_free(pool->crls[--pool->n_crls]);
}

/* What the error is when a reader did not understand: worth another try? */
static bool not_it(mal_err err) {
    return err == MAL_E_INPUT;
}

static mal_err add_crl(tee_pool *pool, mal_bytes bytes) {
    MAL_REQUIRE(pool->n_crls < MAL_CERT_CRLS_MAX, MAL_E_LIMIT,
                "more than %d lists of revoked certificates",
                MAL_CERT_CRLS_MAX);
    MAL_TRY(mal_crl_parse(&pool->crls[pool->n_crls], bytes));
    pool->n_crls++;
    return MAL_OK;
}

/* The same chain comes with every piece of collateral: reading a key costs as
 * much as checking a signature, so what is there already is not read again. */
static bool has_cert(const tee_pool *pool, mal_bytes der) {
    for (size_t i = 0; i < pool->n; i++)
        if (mal_bytes_same_vartime(mal_cert_der(pool->certs[i]), der))
            return true;
    return false;
}

static mal_err add_cert(tee_pool *pool, mal_bytes der) {
    if (has_cert(pool, der))
        return MAL_OK;
    MAL_REQUIRE(pool->n < MAL_CERT_CERTS_MAX, MAL_E_LIMIT,
                "more than %d certificates", MAL_CERT_CERTS_MAX);
    MAL_TRY(mal_cert_parse(&pool->certs[pool->n], der));
    pool->n++;
    return MAL_OK;
}

/* All CERTIFICATE blocks; *found: there is one. */
static mal_err add_blocks(tee_pool *pool, mal_bytes text, bool *found) {
    MAL_AUTO(mal_buf_clear) mal_buf der = { 0 };
    *found = false;
    for (size_t at = 0;; mal_buf_reset(&der)) {
        mal_err err = mal_pem_next(&der, text, &at, "CERTIFICATE");
        if (err == MAL_E_MISSING)
            return MAL_OK;
        *found = true;
        MAL_TRY(err);
        MAL_TRY(add_cert(pool, mal_buf_view(&der)));
    }
}

mal_err tee_pool_add(tee_pool *pool, mal_bytes bytes) {
    size_t before = pool->n;
    bool found;
    if (!bytes.len)
        MAL_FAIL(MAL_E_INPUT, "an empty endorsement");
    if (bytes.ptr[0] == 0x30) { /* SEQUENCE */
        mal_err err = add_cert(pool, bytes);
        return not_it(err) ? add_crl(pool, bytes) : err;
    }
    mal_err err = add_blocks(pool, bytes, &found);
    while (err != MAL_OK && pool->n > before)
        mal_cert_free(pool->certs[--pool->n]);
    MAL_TRY(err);
    return found ? MAL_OK : add_crl(pool, bytes);
}

mal_cert_path tee_pool_path(const tee_pool *pool, const mal_cert **certs,
                            const mal_cert *leaf, const tee_ctx *c) {
    size_t n = 0;
    certs[n++] = leaf;
    for (size_t i = 0; i < pool->n && n < MAL_CERT_CERTS_MAX; i++)
        if (pool->certs[i] != leaf)
            certs[n++] = pool->certs[i];
    return (mal_cert_path){ .certs = certs,
                            .n = n,
                            .anchor = c->in->anchor.hash,
                            .time = c->in->time,
                            .crls = (const mal_crl *const *)pool->crls,
                            .n_crls = pool->n_crls };
}

/* --- Cursors ------------------------------------------------------------- */

mal_err tee_rd_u16be(mal_rd *rd, uint16_t *v) {
    uint8_t b[2];
    MAL_TRY(mal_rd_copy(rd, b, sizeof b));
    *v = (uint16_t)(b[0] << 8 | b[1]);
    return MAL_OK;
}

mal_err tee_rd_u32be(mal_rd *rd, uint32_t *v) {
    uint8_t b[4];
    MAL_TRY(mal_rd_copy(rd, b, sizeof b));
    *v = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 |
         b[3];
    return MAL_OK;
}

mal_err tee_rd_u64be(mal_rd *rd, uint64_t *v) {
    uint8_t b[8];
    MAL_TRY(mal_rd_copy(rd, b, sizeof b));
    *v = mal_load_u64be(b);
    return MAL_OK;
}

bool tee_cut(mal_bytes *out, mal_bytes bytes, size_t at, size_t len) {
    bool fits = at <= bytes.len && len <= bytes.len - at;
    *out = fits ? mal_bytes_of(bytes.ptr + at, len) : mal_bytes_of(NULL, 0);
    return fits;
}

bool tee_is_zero(mal_bytes bytes) {
    uint8_t any = 0;
    for (size_t i = 0; i < bytes.len; i++)
        any |= bytes.ptr[i];
    return any == 0;
}
