/* okvs_decode.c - products of rows with one bin of a store. */
#include "psi_impl.h"

/* table[256 k + v] = sum of the dense columns 8 k + j for the bits j of v. */
void psi_dense_table(mal_psi_block table[PSI_DENSE_TABLE],
                     const mal_psi_block dense[MAL_PSI_OKVS_DENSE]) {
    for (uint32_t k = 0; k < PSI_DENSE_BYTES; k++) {
        mal_psi_block *t = table + 256 * k;
        t[0] = (mal_psi_block){ { 0, 0 } };
        for (uint32_t j = 0; j < 8; j++)
            for (uint32_t v = 0; v < 1u << j; v++)
                psi_store(&t[v + (1u << j)],
                          psi_load(&t[v]) ^ psi_load(&dense[8 * k + j]));
    }
}

static inline psi_vec dense_product(const mal_psi_block *table, uint64_t bits) {
    psi_vec sum = psi_load(&table[bits & 255]);
    for (uint32_t k = 1; k < PSI_DENSE_BYTES; k++)
        sum ^= psi_load(&table[256 * k + ((bits >> (8 * k)) & 255)]);
    return sum;
}

void psi_decode_rows(mal_psi_block *out, const mal_psi_block *hash, size_t n,
                     const mal_psi_okvs *o, const mal_psi_block *p,
                     const mal_psi_block *table) {
    for (size_t i = 0; i < n; i++) {
        uint32_t c[3];
        psi_row_columns(c, o, &hash[i]);
        psi_store(&out[i], psi_load(&p[c[0]]) ^ psi_load(&p[c[1]]) ^
                               psi_load(&p[c[2]]) ^
                               dense_product(table, psi_row_dense(&hash[i])));
    }
}

void psi_decode_known(mal_psi_block *out, const psi_rows *rows, uint32_t first,
                      uint32_t n, const mal_psi_block *p,
                      const mal_psi_block *table) {
    for (uint32_t i = 0; i < n; i++) {
        const uint16_t *c = rows->column[first + i];
        psi_store(&out[i], psi_load(&p[c[0]]) ^ psi_load(&p[c[1]]) ^
                               psi_load(&p[c[2]]) ^
                               dense_product(table, rows->dense[first + i]));
    }
}
