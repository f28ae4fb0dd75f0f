/* dcap_pck.c - the extension of PCK certificates [PckSpec]: which processor.
 *
 *   SEQUENCE { SEQUENCE { OID 1.2.840.113741.1.13.1.N, value } .. }
 *   N = 1 PPID, 2 TCB (1..16 components, 17 PCESVN, 18 CPUSVN), 3 PCEID, 4
 * FMSPC
 */
#include "dcap_impl.h"

#include <string.h>

#define SGX_EXTENSION "1.2.840.113741.1.13.1"
#define TCB_PCESVN 17
#define TCB_CPUSVN 18
#define NUMBER_MAX 31 /* of a member; a bit each in a set of those seen */

enum { PPID = 1, TCB = 2, PCEID = 3, FMSPC = 4 };

/* 1.2.840.113741.1.13.1, and the same with .2 after it, as DER has them. */
static const uint8_t top[] = { 0x2a, 0x86, 0x48, 0x86, 0xf8,
                               0x4d, 0x01, 0x0d, 0x01 };
static const uint8_t top_tcb[] = { 0x2a, 0x86, 0x48, 0x86, 0xf8,
                                   0x4d, 0x01, 0x0d, 0x01, 0x02 };

/* One member: its number under `above`, once each, and a cursor at its value.
 */
static mal_err rd_member(mal_rd *rd, mal_bytes above, uint32_t *seen,
                         unsigned *number, mal_rd *value) {
    mal_bytes member, oid;
    MAL_TRY(tee_der_expect(rd, TEE_DER_SEQUENCE, &member));
    *value = mal_rd_of(member);
    MAL_TRY(tee_der_expect(value, TEE_DER_OID, &oid));
    MAL_REQUIRE(
        oid.len == above.len + 1 &&
            mal_bytes_same_vartime(mal_bytes_of(oid.ptr, above.len), above) &&
            oid.ptr[above.len] <= NUMBER_MAX,
        MAL_E_INPUT, "a foreign identifier in the SGX extension");
    *number = oid.ptr[above.len];
    MAL_REQUIRE(!(*seen >> *number & 1), MAL_E_INPUT,
                "a member of the SGX extension is there twice");
    *seen |= (uint32_t)1 << *number;
    return MAL_OK;
}

static mal_err rd_octets(mal_rd *value, uint8_t *out, size_t len) {
    mal_bytes octets;
    MAL_TRY(tee_der_expect(value, TEE_DER_OCTETS, &octets));
    MAL_REQUIRE(octets.len == len, MAL_E_INPUT,
                "%zu bytes in the SGX extension, not %zu", octets.len, len);
    memcpy(out, octets.ptr, len);
    return mal_rd_end(value);
}

static mal_err rd_tcb(mal_rd *value, dcap_pck *pck) {
    mal_bytes list;
    uint32_t seen = 0;
    MAL_TRY(tee_der_expect(value, TEE_DER_SEQUENCE, &list));
    for (mal_rd rd = mal_rd_of(list); rd.left;) {
        unsigned number;
        uint64_t svn;
        mal_rd member;
        MAL_TRY(rd_member(&rd, mal_bytes_of(top_tcb, sizeof top_tcb), &seen,
                          &number, &member));
        if (number == TCB_CPUSVN)
            continue; /* the components again, encrypted by the vendor */
        MAL_TRY(tee_der_u64(&member, &svn));
        MAL_REQUIRE(number >= 1 && number <= TCB_PCESVN &&
                        svn <= (number == TCB_PCESVN ? UINT16_MAX : UINT8_MAX),
                    MAL_E_INPUT, "an SVN that is out of range");
        if (number == TCB_PCESVN)
            pck->pce_svn = svn;
        else
            pck->svn[number - 1] = (uint8_t)svn;
    }
    /* Bits 1 to 17: all components and the PCE's. */
    MAL_REQUIRE((seen & 0x3fffe) == 0x3fffe, MAL_E_INPUT,
                "an SVN is missing in the SGX extension");
    return MAL_OK;
}

static mal_err rd_extension(dcap_pck *pck, mal_bytes extension) {
    mal_rd outer = mal_rd_of(extension);
    mal_bytes list;
    uint32_t seen = 0;
    MAL_TRY(tee_der_expect(&outer, TEE_DER_SEQUENCE, &list));
    MAL_TRY(mal_rd_end(&outer));
    for (mal_rd rd = mal_rd_of(list); rd.left;) {
        unsigned number;
        mal_rd value;
        MAL_TRY(rd_member(&rd, mal_bytes_of(top, sizeof top), &seen, &number,
                          &value));
        if (number == PPID)
            MAL_TRY(rd_octets(&value, pck->ppid, sizeof pck->ppid));
        else if (number == TCB)
            MAL_TRY(rd_tcb(&value, pck));
        else if (number == PCEID)
            MAL_TRY(rd_octets(&value, pck->pce_id, sizeof pck->pce_id));
        else if (number == FMSPC)
            MAL_TRY(rd_octets(&value, pck->fmspc, sizeof pck->fmspc));
    }
    MAL_REQUIRE((seen & 0x1e) == 0x1e, MAL_E_INPUT,
                "the SGX extension lacks PPID, TCB, PCEID or FMSPC");
    return MAL_OK;
}

bool dcap_is_pck(const mal_cert *cert) {
    mal_bytes value;
    return mal_cert_extension(cert, SGX_EXTENSION, &value) == MAL_OK;
}

mal_tee_code dcap_pck_read(dcap *d) {
    mal_bytes extension;
    mal_err err = mal_cert_extension(d->leaf, SGX_EXTENSION, &extension);
    if (err == MAL_OK)
        err = rd_extension(&d->pck, extension);
    TEE_TRY(tee_of_err(d->c, err, MAL_TEE_BAD_CHAIN, "PCK certificate"));
    mal_tee_claims *claims = d->c->claims;
    claims->platform_id =
        tee_keep(d->c, mal_bytes_of(d->pck.ppid, sizeof d->pck.ppid));
    claims->tcb.fmspc =
        tee_keep(d->c, mal_bytes_of(d->pck.fmspc, sizeof d->pck.fmspc));
    tee_fact_bytes(d->c, "pck_svn",
                   tee_keep(d->c, mal_bytes_of(d->pck.svn, DCAP_SVNS)));
    tee_fact_number(d->c, "pce_svn", d->pck.pce_svn);
    tee_fact_bytes(d->c, "pce_id",
                   tee_keep(d->c, mal_bytes_of(d->pck.pce_id, 2)));
    return MAL_TEE_OK;
}
