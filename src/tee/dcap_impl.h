/* dcap_impl.h - shared by the readers of Intel's quotes and collateral. */
#ifndef MALUS_DCAP_IMPL_H
#define MALUS_DCAP_IMPL_H

#include "tee_impl.h"

#define DCAP_SVNS 16
#define DCAP_SIG 64 /* r || s on P-256 */
#define DCAP_KEY 64 /* x || y */
#define DCAP_SGX_BODY 384
#define DCAP_TDX_BODY 584
#define DCAP_TDX15_BODY 648
#define DCAP_FMSPC 6
#define DCAP_RTMRS 4
#define DCAP_RTMR 48

/* A quote, cut in slices of the evidence [SgxQuote], [TdxQuote]. */
typedef struct dcap_quote {
    unsigned version;
    bool tdx;
    mal_bytes signed_part; /* header and body: what sig is over */
    mal_bytes body;        /* SGX 384, TDX 584, TDX 1.5 648 bytes */
    mal_bytes sig;
    mal_bytes key; /* attestation key of the quoting enclave (QE) */
    mal_bytes qe_report, qe_sig, qe_auth;
    unsigned cert_type;
    mal_bytes cert_data; /* type 5: the PCK chain as PEM */
} dcap_quote;

/* What the extension of a PCK certificate says of its processor [PckSpec]. */
typedef struct dcap_pck {
    uint8_t svn[DCAP_SVNS];
    uint64_t pce_svn;
    uint8_t fmspc[DCAP_FMSPC];
    uint8_t pce_id[2];
    uint8_t ppid[16];
} dcap_pck;

/* Signed JSON: the slice that the signature is over, and what it says. */
typedef struct dcap_json {
    mal_buf text; /* the slice, byte by byte; empty: not there */
    uint8_t sig[DCAP_SIG];
    mal_json *json; /* NULL until the signature is good */
} dcap_json;

/* One judgement of one quote. */
typedef struct dcap {
    tee_ctx *c;
    mal_tee_scope scope;
    bool inside; /* of other evidence, which answers for the nonce */
    dcap_quote quote;
    dcap_pck pck;
    tee_pool pool;
    const mal_cert *leaf;   /* PCK; in the pool */
    const mal_cert *signer; /* of JSON, once its path is judged */
    dcap_json tcb, qe;
    mal_bytes event_log;
    mal_tee_code revoked; /* REVOKED or COLLATERAL_MISSING of a path */
    bool stale;           /* some status is not UpToDate */
} dcap;

/* dcap_quote.c.  MAL_E_INPUT: not a quote of these versions. */
mal_err dcap_quote_parse(dcap_quote *quote, mal_bytes evidence) MAL_MUST_CHECK;
/* What the quote says goes into claims and facts. */
void dcap_quote_claims(dcap *d);
bool dcap_quote_debug(const dcap_quote *quote);
mal_bytes dcap_report_data(const dcap_quote *quote);
mal_bytes dcap_rtmr(const dcap_quote *quote, unsigned i); /* of TDX */

/* dcap_pck.c */
mal_tee_code dcap_pck_read(dcap *d);
bool dcap_is_pck(const mal_cert *cert);

/* dcap_collateral.c: what the endorsements are, and who signed them. */
mal_tee_code dcap_collateral_gather(dcap *d);
void dcap_clear(dcap *d);
/* The signature of Intel's TCB signing certificate, and its path; then the
 * slice is parsed. must: else a missing certificate is fine (and says so by
 * *checked). */
mal_tee_code dcap_json_verify(dcap *d, dcap_json *signed_json, const char *what,
                              bool must, bool *checked);
/* Do certificates of the pool lead from this one to the anchor?  Revocation and
 * missing lists are kept in d->revoked. */
mal_tee_code dcap_path(dcap *d, const mal_cert *leaf, bool need_crls,
                       const char *what);
/* issueDate and nextUpdate; evaluation number. */
mal_tee_code dcap_json_window(dcap *d, const dcap_json *j, const char *what);

/* dcap_tcb.c: TCB info.  _kind: it is for this kind of quote, and for this
 * family of processors.  _level: platform and module. */
mal_tee_code dcap_tcb_kind(dcap *d);
mal_tee_code dcap_tcb_level(dcap *d);
/* dcap_qe.c: QE identity. */
mal_tee_code dcap_qe_kind(dcap *d);
mal_tee_code dcap_qe_level(dcap *d);

/* A status of Intel's, as our own text; NULL: none of theirs. */
const char *dcap_status(const char *text);
/* Note a status: REVOKED is a code, other than UpToDate makes the quote stale.
 */
mal_tee_code dcap_status_note(dcap *d, const char *status, const char *of);
/* The first of "tcbLevels" whose isvsvn is at most svn; *status NULL: none. */
mal_tee_code dcap_isv_level(dcap *d, const mal_json *identity, uint64_t svn,
                            const char **status);

/* dcap_eventlog.c */
bool dcap_eventlog_recognise(mal_bytes bytes);
mal_tee_code dcap_eventlog_check(dcap *d);
/* Replay a log: MAL_E_INPUT if it is none.  rtmr [4][48]. */
mal_err dcap_eventlog_replay(uint8_t rtmr[DCAP_RTMRS][DCAP_RTMR],
                             size_t *events, mal_bytes log) MAL_MUST_CHECK;

#endif
