/* dcap_tcb.c - TCB info: how the platform's patches stand [TcbInfo].
 *
 * A level holds if each of its SVNs is at most the platform's: sixteen
 * components of the PCK certificate, the PCE's, and for TDX those of
 * TEE_TCB_SVN.  Levels stand from best to worst, and the first that holds
 * counts.  SVNs are compared one by one; no order of whole tuples means
 * anything.
 */
#include "dcap_impl.h"

#include <stdio.h>
#include <string.h>

#define MODULE_HASH 48
#define MODULE_ATTRIBUTES 8
#define LEVELS_MAX 256
#define IDENTITIES_MAX 32
#define ADVISORIES_MAX 128
#define ADVISORY_MAX_BYTES 32
#define SVN_2_AT 584 /* TEE_TCB_SVN_2 in a body of TDX 1.5 */
#define MODULE_SVN                                                             \
    0 /* of TEE_TCB_SVN: minor and major version of the module                 \
       */
#define MODULE_VERSION 1

/* --- Statuses ------------------------------------------------------------ */

#define UP_TO_DATE "UpToDate"
#define REVOKED "Revoked"
static const char *const statuses[] = { UP_TO_DATE,
                                        "SWHardeningNeeded",
                                        "ConfigurationNeeded",
                                        "ConfigurationAndSWHardeningNeeded",
                                        "OutOfDate",
                                        "OutOfDateConfigurationNeeded",
                                        REVOKED };
#define STATUSES (sizeof statuses / sizeof statuses[0])

const char *dcap_status(const char *text) {
    for (size_t i = 0; i < STATUSES; i++)
        if (strcmp(statuses[i], text) == 0)
            return statuses[i];
    return NULL;
}

mal_tee_code dcap_status_note(dcap *d, const char *status, const char *of) {
    if (strcmp(status, REVOKED) == 0) {
        d->c->authentic = false; /* its keys may be anybody's */
        return tee_fail(d->c, MAL_TEE_REVOKED, "the TCB of the %s is revoked",
                        of);
    }
    if (strcmp(status, UP_TO_DATE) == 0)
        return MAL_TEE_OK;
    if (!d->stale) /* the first is told */
        tee_fail(d->c, MAL_TEE_TCB, "the %s is %s", of, status);
    d->stale = true;
    return MAL_TEE_OK;
}

static mal_err level_status(const mal_json *level, const char **status) {
    const char *text;
    MAL_TRY(mal_json_get_str(level, "tcbStatus", &text));
    *status = dcap_status(text);
    MAL_REQUIRE(*status, MAL_E_INPUT, "a status that nobody knows");
    return MAL_OK;
}

static mal_err get_levels(const mal_json *of, const mal_json **levels) {
    MAL_TRY(mal_json_get_array(of, "tcbLevels", levels));
    MAL_REQUIRE(mal_json_len(*levels) <= LEVELS_MAX, MAL_E_LIMIT,
                "more than %d TCB levels", LEVELS_MAX);
    return MAL_OK;
}

/* --- Components ---------------------------------------------------------- */

static mal_err get_svn(const mal_json *of, const char *key, uint64_t *svn) {
    MAL_TRY(mal_json_get_u64(of, key, svn));
    MAL_REQUIRE(*svn <= UINT16_MAX, MAL_E_INPUT, "an SVN above 65535");
    return MAL_OK;
}

/* Is each component at most ours?  From the first that counts. */
static mal_err components_hold(const mal_json *tcb, const char *key,
                               const uint8_t ours[DCAP_SVNS], size_t first,
                               bool *hold) {
    const mal_json *list;
    MAL_TRY(mal_json_get_array(tcb, key, &list));
    MAL_REQUIRE(mal_json_len(list) == DCAP_SVNS, MAL_E_INPUT,
                "\"%s\" has %zu components, not %d", key, mal_json_len(list),
                DCAP_SVNS);
    for (size_t i = 0; i < DCAP_SVNS; i++) {
        uint64_t svn;
        MAL_TRY(get_svn(mal_json_at(list, i), "svn", &svn));
        *hold &= i < first || svn <= ours[i];
    }
    return MAL_OK;
}

/* A module that names its version is judged by its identity instead. */
static mal_err tdx_hold(const mal_json *tcb, const uint8_t svn[DCAP_SVNS],
                        bool *hold) {
    return components_hold(tcb, "tdxtcbcomponents", svn,
                           svn[MODULE_VERSION] ? 2 : 0, hold);
}

/* A TD of 1.5 tells the SVNs of its launch and those of now: both must do. */
static size_t tee_svns(const dcap_quote *q, const uint8_t *svns[2]) {
    svns[0] = q->body.ptr;
    if (q->body.len != DCAP_TDX15_BODY)
        return 1;
    svns[1] = q->body.ptr + SVN_2_AT;
    return 2;
}

static mal_err level_holds(const dcap *d, const mal_json *level, bool *hold) {
    const mal_json *tcb;
    const uint8_t *svns[2];
    uint64_t pce_svn;
    *hold = true;
    MAL_TRY(mal_json_get_object(level, "tcb", &tcb));
    MAL_TRY(components_hold(tcb, "sgxtcbcomponents", d->pck.svn, 0, hold));
    MAL_TRY(get_svn(tcb, "pcesvn", &pce_svn));
    *hold &= pce_svn <= d->pck.pce_svn;
    if (!d->quote.tdx)
        return MAL_OK;
    for (size_t i = 0, n = tee_svns(&d->quote, svns); i < n; i++)
        MAL_TRY(tdx_hold(tcb, svns[i], hold));
    return MAL_OK;
}

static bool advisory_fits(const char *text) {
    size_t len = strlen(text);
    return len >= 1 && len <= ADVISORY_MAX_BYTES &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == len;
}

static mal_err keep_advisories(dcap *d, const mal_json *level) {
    mal_tee_tcb *tcb = &d->c->claims->tcb;
    const mal_json *list = mal_json_find(level, "advisoryIDs");
    size_t n = list ? mal_json_len(list) : 0;
    MAL_REQUIRE(n <= ADVISORIES_MAX, MAL_E_LIMIT, "more than %d advisories",
                ADVISORIES_MAX);
    const char **kept = mal_arena_calloc(d->c->arena, n + 1, sizeof *kept);
    MAL_REQUIRE(kept, MAL_E_MEMORY, "no room for advisories");
    for (size_t i = 0; i < n; i++) {
        const char *text;
        MAL_TRY(mal_json_as_str(mal_json_at(list, i), "advisoryIDs", &text));
        MAL_REQUIRE(advisory_fits(text), MAL_E_INPUT, "a strange advisory");
        kept[i] = tee_keep_text(d->c, text);
    }
    tcb->advisories = kept;
    tcb->n_advisories = n;
    return MAL_OK;
}

/* The first level that holds; claims->tcb.status stays NULL if none does. */
static mal_err find_level(dcap *d) {
    const mal_json *levels;
    MAL_TRY(get_levels(d->tcb.json, &levels));
    for (size_t i = 0; i < mal_json_len(levels); i++) {
        const mal_json *level = mal_json_at(levels, i);
        bool hold;
        MAL_TRY(level_holds(d, level, &hold));
        if (!hold)
            continue;
        MAL_TRY(level_status(level, &d->c->claims->tcb.status));
        return keep_advisories(d, level);
    }
    return MAL_OK;
}

/* --- The module of TDX --------------------------------------------------- */

static mal_err find_isv_level(const mal_json *identity, uint64_t svn,
                              const char **status) {
    const mal_json *levels;
    *status = NULL;
    MAL_TRY(get_levels(identity, &levels));
    for (size_t i = 0; i < mal_json_len(levels) && !*status; i++) {
        const mal_json *level = mal_json_at(levels, i), *tcb;
        uint64_t least;
        MAL_TRY(mal_json_get_object(level, "tcb", &tcb));
        MAL_TRY(get_svn(tcb, "isvsvn", &least));
        if (least <= svn)
            MAL_TRY(level_status(level, status));
    }
    return MAL_OK;
}

mal_tee_code dcap_isv_level(dcap *d, const mal_json *identity, uint64_t svn,
                            const char **status) {
    return tee_of_err(d->c, find_isv_level(identity, svn, status),
                      MAL_TEE_MALFORMED, "TCB levels");
}

/* Signer and attributes of the module are those of its identity. */
static mal_err module_fits(const dcap *d, const mal_json *identity,
                           bool *fits) {
    uint8_t signer[MODULE_HASH];
    uint8_t want[MODULE_ATTRIBUTES], mask[MODULE_ATTRIBUTES];
    const uint8_t *body = d->quote.body.ptr;
    const uint8_t *found = body + 112; /* SEAMATTRIBUTES */
    MAL_TRY(mal_json_get_hex(identity, "mrsigner", signer, sizeof signer));
    MAL_TRY(mal_json_get_hex(identity, "attributes", want, sizeof want));
    MAL_TRY(mal_json_get_hex(identity, "attributesMask", mask, sizeof mask));
    *fits = mal_compare_vartime(body + 64, signer, sizeof signer) == 0;
    for (size_t i = 0; i < MODULE_ATTRIBUTES; i++)
        *fits &= (found[i] & mask[i]) == want[i];
    return MAL_OK;
}

/* The identity with this name; NULL: none. */
static mal_err find_identity(const dcap *d, const char *id,
                             const mal_json **identity) {
    const mal_json *list = mal_json_find(d->tcb.json, "tdxModuleIdentities");
    *identity = NULL;
    MAL_REQUIRE(!list || mal_json_len(list) <= IDENTITIES_MAX, MAL_E_LIMIT,
                "more than %d identities", IDENTITIES_MAX);
    for (size_t i = 0; list && i < mal_json_len(list) && !*identity; i++) {
        const char *name;
        MAL_TRY(mal_json_get_str(mal_json_at(list, i), "id", &name));
        if (strcmp(name, id) == 0)
            *identity = mal_json_at(list, i);
    }
    return MAL_OK;
}

/* One module: by version 0 the plain one, else the one of that name.  *status
 * NULL: no level of its identity holds, or version 0, which has none. */
static mal_tee_code judge_module(dcap *d, const uint8_t svn[DCAP_SVNS],
                                 const char **id, const char **status) {
    const mal_json *identity = mal_json_find(d->tcb.json, "tdxModule");
    char name[16];
    bool fits = false;
    mal_err err = MAL_OK;
    *id = *status = NULL;
    if (svn[MODULE_VERSION]) {
        snprintf(name, sizeof name, "TDX_%02X", svn[MODULE_VERSION]);
        *id = tee_keep_text(d->c, name);
        if (!*id)
            return MAL_TEE_LIMIT; /* kept in c->err */
        err = find_identity(d, name, &identity);
    }
    if (err == MAL_OK && identity)
        err = module_fits(d, identity, &fits);
    TEE_TRY(tee_of_err(d->c, err, MAL_TEE_MALFORMED, "TDX module"));
    TEE_REQUIRE(d->c, fits, MAL_TEE_MODULE_IDENTITY,
                "the TDX module is none that TCB info knows");
    return *id ? dcap_isv_level(d, identity, svn[MODULE_SVN], status)
               : MAL_TEE_OK;
}

static void tell_module(dcap *d, const char *id, const char *status) {
    char text[64];
    snprintf(text, sizeof text, "%s:%s", id, status);
    d->c->claims->tcb.module = tee_keep_text(d->c, text);
}

/* Of two modules the one that is not up to date is told. */
static mal_tee_code judge_modules(dcap *d) {
    const uint8_t *svns[2];
    bool none = false;
    for (size_t i = 0, n = tee_svns(&d->quote, svns); i < n; i++) {
        const char *id, *status;
        TEE_TRY(judge_module(d, svns[i], &id, &status));
        none |= id && !status;
        if (!status)
            continue;
        TEE_TRY(dcap_status_note(d, status, "TDX module"));
        if (i == 0 || strcmp(status, UP_TO_DATE) != 0)
            tell_module(d, id, status);
    }
    TEE_REQUIRE(d->c, !none, MAL_TEE_TCB_NO_LEVEL,
                "no TCB level of the TDX module holds");
    return MAL_TEE_OK;
}

/* --- Verdict ------------------------------------------------------------- */

static mal_err get_kind(const dcap *d, bool *kind, bool *family) {
    uint8_t fmspc[DCAP_FMSPC], pce_id[2];
    const char *id;
    uint64_t version, type;
    MAL_TRY(mal_json_get_u64(d->tcb.json, "version", &version));
    MAL_REQUIRE(version == 3, MAL_E_INPUT, "TCB info of version %llu",
                (unsigned long long)version);
    MAL_TRY(mal_json_get_str(d->tcb.json, "id", &id));
    MAL_TRY(mal_json_get_u64(d->tcb.json, "tcbType", &type));
    MAL_REQUIRE(type == 0, MAL_E_INPUT, "TCB info of type %llu",
                (unsigned long long)type);
    MAL_TRY(mal_json_get_hex(d->tcb.json, "fmspc", fmspc, sizeof fmspc));
    MAL_TRY(mal_json_get_hex(d->tcb.json, "pceId", pce_id, sizeof pce_id));
    *kind = strcmp(id, d->quote.tdx ? "TDX" : "SGX") == 0;
    *family = mal_compare_vartime(fmspc, d->pck.fmspc, sizeof fmspc) == 0 &&
              mal_compare_vartime(pce_id, d->pck.pce_id, sizeof pce_id) == 0;
    return MAL_OK;
}

mal_tee_code dcap_tcb_kind(dcap *d) {
    bool kind = false, family = false;
    TEE_TRY(tee_of_err(d->c, get_kind(d, &kind, &family), MAL_TEE_MALFORMED,
                       "TCB info"));
    TEE_REQUIRE(d->c, kind, MAL_TEE_COLLATERAL_KIND,
                "TCB info of the other kind: SGX is not TDX");
    TEE_REQUIRE(d->c, family, MAL_TEE_FMSPC_MISMATCH,
                "TCB info of another family of processors");
    return MAL_TEE_OK;
}

mal_tee_code dcap_tcb_level(dcap *d) {
    mal_tee_tcb *tcb = &d->c->claims->tcb;
    mal_tee_code module = d->quote.tdx ? judge_modules(d) : MAL_TEE_OK;
    if (module != MAL_TEE_OK && module != MAL_TEE_TCB_NO_LEVEL)
        return module;
    TEE_TRY(tee_of_err(d->c, find_level(d), MAL_TEE_MALFORMED, "TCB info"));
    TEE_REQUIRE(d->c, tcb->status, MAL_TEE_TCB_NO_LEVEL,
                "no TCB level of the platform holds");
    if (module != MAL_TEE_OK)
        return tee_fail(d->c, module, "no TCB level of the TDX module holds");
    return dcap_status_note(d, tcb->status, "platform");
}
