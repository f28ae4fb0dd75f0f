/* proof.c - c2sp.org/tlog-proof@v1: inclusion that can be checked offline. */
#include "audit_impl.h"

#include <string.h>

static const char header[] = "c2sp.org/tlog-proof@v1";

mal_err mal_audit_proof_parse(mal_audit_proof *proof, mal_bytes text) {
    mal_bytes line, rest;
    bool more;

    memset(proof, 0, sizeof *proof);
    MAL_REQUIRE(text.len <= 2 * MAL_AUDIT_NOTE_MAX, MAL_E_LIMIT,
                "a log proof is too long");
    MAL_REQUIRE(audit_line(&line, &text) && audit_bytes_equal_str(line, header),
                MAL_E_INPUT, "not a log proof: it must start with \"%s\"",
                header);
    more = audit_line(&line, &text);
    if (more && audit_prefix(&rest, line, "extra ")) {
        MAL_AUTO(mal_buf_clear) mal_buf extra = { 0 };
        MAL_TRY(mal_base64_decode(&extra, rest)); /* not trusted, not used */
        more = audit_line(&line, &text);
    }
    MAL_REQUIRE(more && audit_prefix(&rest, line, "index "), MAL_E_INPUT,
                "a log proof lacks its index");
    MAL_TRY(audit_decimal(&proof->index, rest));
    while ((more = audit_line(&line, &text)) && line.len > 0) {
        MAL_REQUIRE(proof->n < MAL_AUDIT_PROOF_MAX, MAL_E_INPUT,
                    "a log proof has more than %d hashes", MAL_AUDIT_PROOF_MAX);
        MAL_TRY(audit_hash_read(&proof->path[proof->n++], line));
    }
    MAL_REQUIRE(more && text.len > 0, MAL_E_INPUT,
                "a log proof lacks its checkpoint");
    proof->checkpoint = text;
    return MAL_OK;
}

mal_err mal_audit_proof_print(mal_buf *out, const mal_audit_proof *proof) {
    MAL_TRY(mal_buf_put_fmt(out, "%s\nindex %llu\n", header,
                            (unsigned long long)proof->index));
    for (size_t i = 0; i < proof->n; i++)
        MAL_TRY(audit_hash_put(out, &proof->path[i]));
    MAL_TRY(mal_buf_put_str(out, "\n"));
    return mal_buf_put(out, proof->checkpoint);
}

mal_err mal_audit_proof_make(mal_buf *out, mal_audit_log *log, uint64_t index,
                             mal_bytes checkpoint_note) {
    mal_audit_proof proof = { .index = index, .checkpoint = checkpoint_note };
    mal_audit_note note;
    mal_audit_checkpoint cp;
    mal_prim_hash root;
    MAL_TRY(mal_audit_note_parse(&note, checkpoint_note));
    MAL_TRY(mal_audit_checkpoint_parse(&cp, note.text));
    MAL_TRY(mal_audit_log_root(log, &root, cp.size));
    MAL_REQUIRE(mal_equal(root.b, cp.root.b, sizeof root.b), MAL_E_STATE,
                "the checkpoint is of another log");
    MAL_TRY(mal_audit_log_prove(log, proof.path, &proof.n, index, cp.size));
    return mal_audit_proof_print(out, &proof);
}

mal_err mal_audit_proof_verify(mal_audit_checkpoint *cp, bool *cosigned,
                               uint64_t *times, const mal_audit_proof *proof,
                               mal_bytes entry,
                               const mal_audit_policy *policy) {
    mal_audit_vkey keys[1 + MAL_AUDIT_WITNESSES_MAX];
    bool by[1 + MAL_AUDIT_WITNESSES_MAX];
    uint64_t at[1 + MAL_AUDIT_WITNESSES_MAX];
    mal_audit_checkpoint head;
    mal_audit_note note;
    mal_prim_hash leaf;
    size_t n = policy->n_witnesses, count = 0;

    MAL_REQUIRE(n <= MAL_AUDIT_WITNESSES_MAX, MAL_E_LIMIT,
                "more than %d witnesses", MAL_AUDIT_WITNESSES_MAX);
    keys[0] = policy->log;
    if (n)
        memcpy(keys + 1, policy->witnesses, n * sizeof *keys);
    MAL_TRY(mal_audit_note_parse(&note, proof->checkpoint));
    MAL_TRY(mal_audit_checkpoint_parse(&head, note.text));
    MAL_REQUIRE(strcmp(head.origin, policy->log.name) == 0, MAL_E_AUTH,
                "the proof is of the log %s, not %s", head.origin,
                policy->log.name);
    MAL_TRY(mal_audit_note_verify(by, at, &note, keys, n + 1));
    MAL_REQUIRE(by[0], MAL_E_AUTH, "the log %s did not sign its checkpoint",
                head.origin);
    for (size_t i = 0; i < n; i++)
        count += by[1 + i];
    MAL_REQUIRE(count >= policy->quorum, MAL_E_AUTH,
                "%zu of the %zu witnesses needed cosigned the checkpoint",
                count, policy->quorum);
    mal_prim_merkle_leaf(&leaf, entry);
    MAL_TRY(mal_prim_merkle_verify_inclusion(
        &head.root, head.size, &leaf, proof->index, proof->path, proof->n));
    for (size_t i = 0; i < n && cosigned; i++)
        cosigned[i] = by[1 + i];
    for (size_t i = 0; i < n && times; i++)
        times[i] = at[1 + i];
    if (cp)
        *cp = head;
    return MAL_OK;
}
