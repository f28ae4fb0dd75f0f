/* vec_tlog.c - published notes, checkpoints, logs, witnesses, proofs. */
#include "audit_test.h"

static bool keys_of(mal_audit_vkey *vkeys, size_t *n, const mal_json *list) {
    *n = mal_json_len(list);
    for (size_t i = 0; i < *n; i++) {
        const char *text;
        CHECK_OK(mal_json_as_str(mal_json_at(list, i), "vkey", &text));
        if (mal_audit_vkey_parse(&vkeys[i], mal_bytes_str(text)) != MAL_OK)
            return false;
    }
    return true;
}

TEST(verifier_keys_are_taken_and_refused_as_published) {
    MAL_AUTO(mal_json_auto) mal_json *o = json_file("tlog/signed-notes.json");
    const mal_json *list = mal_json_find(o, "verifier_keys");
    CHECK(mal_json_len(list) >= 6);
    for (size_t i = 0; i < mal_json_len(list); i++) {
        const mal_json *one = mal_json_at(list, i);
        bool ok = strcmp(str_of(one, "verdict"), "ok") == 0;
        const char *text = str_of(one, "vkey");
        mal_audit_vkey vkey;
        CHECK_ERR(mal_audit_vkey_parse(&vkey, mal_bytes_str(text)),
                  ok ? MAL_OK : MAL_E_INPUT);
        if (!ok)
            continue;
        /* Upstream: every changed byte and every shorter text is refused. */
        for (size_t k = 0; k < strlen(text); k++) {
            char other[512];
            snprintf(other, sizeof other, "%s", text);
            CHECK(mal_audit_vkey_parse(&vkey, mal_bytes_of(text, k)) != MAL_OK);
            other[k] = (char)(other[k] ^ 1);
            CHECK_THAT(mal_audit_vkey_parse(&vkey, mal_bytes_str(other)) !=
                           MAL_OK,
                       "taken: %s", other);
        }
    }
}

TEST(notes_verify_as_published) {
    MAL_AUTO(mal_json_auto) mal_json *o = json_file("tlog/signed-notes.json");
    const mal_json *list = mal_json_find(o, "notes");
    CHECK(mal_json_len(list) >= 15);
    for (size_t i = 0; i < mal_json_len(list); i++) {
        const mal_json *one = mal_json_at(list, i);
        const mal_json *names = mal_json_find(one, "verified");
        MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
        mal_audit_vkey vkeys[8];
        bool by[8];
        size_t n, verified = 0;
        mal_audit_note note;
        CHECK(keys_of(vkeys, &n, mal_json_find(one, "vkeys")));
        CHECK_OK(mal_json_get_base64(one, "note_b64", &bytes));
        mal_err err = mal_audit_note_parse(&note, mal_buf_view(&bytes));
        if (err == MAL_OK)
            err = mal_audit_note_verify(by, NULL, &note, vkeys, n);
        bool ok = strcmp(str_of(one, "verdict"), "ok") == 0;
        CHECK_THAT((err == MAL_OK) == ok, "%s: %s (%s)", str_of(one, "name"),
                   mal_err_name(err), mal_err_message());
        if (!ok)
            continue;
        for (size_t k = 0; k < n; k++)
            verified += by[k];
        CHECK_EQ(verified, mal_json_len(names));
    }
}

TEST(checkpoint_bodies_are_read_strictly) {
    MAL_AUTO(mal_json_auto)
    mal_json *o = json_file("tlog/checkpoint-bodies.json");
    for (size_t i = 0; i < mal_json_len(o); i++) {
        const mal_json *one = mal_json_at(o, i);
        mal_audit_checkpoint cp;
        mal_err err =
            mal_audit_checkpoint_parse(&cp, mal_bytes_str(str_of(one, "body")));
        bool ok = strcmp(str_of(one, "c2sp_strict"), "ok") == 0;
        CHECK_THAT((err == MAL_OK) == ok, "%s: %s", str_of(one, "desc"),
                   mal_err_name(err));
    }
}

TEST(tile_paths_are_read_and_printed_canonically) {
    MAL_AUTO(mal_json_auto) mal_json *o = json_file("tlog/tile-paths.json");
    const char *const lists[] = { "ok", "reject" };
    for (size_t l = 0; l < 2; l++) {
        const mal_json *list = mal_json_find(o, lists[l]);
        CHECK(mal_json_len(list) > 0);
        for (size_t i = 0; i < mal_json_len(list); i++) {
            MAL_AUTO(mal_buf_clear) mal_buf again = { 0 };
            const char *path;
            int level;
            uint64_t index;
            unsigned width;
            CHECK_OK(mal_json_as_str(mal_json_at(list, i), "path", &path));
            mal_err err = mal_audit_tile_parse(&level, &index, &width,
                                               mal_bytes_str(path));
            CHECK_THAT((err == MAL_OK) == (l == 0), "%s: %s", path,
                       mal_err_name(err));
            if (l)
                continue;
            CHECK_OK(mal_audit_tile_path(&again, level, index, width));
            CHECK_STR(text_of(&again), path);
        }
    }
}

/* --- Whole logs ----------------------------------------------------------- */

static void read_vector(mal_buf *out, const char *name) {
    mal_buf_reset(out);
    CHECK_OK(mal_file_read(out, mal_test_vector(name), 1 << 20));
}

static void verified_checkpoint(mal_audit_checkpoint *cp, mal_buf *bytes,
                                const mal_audit_vkey *vkey) {
    mal_audit_note note;
    CHECK_OK(mal_audit_note_parse(&note, mal_buf_view(bytes)));
    CHECK_OK(mal_audit_note_verify(NULL, NULL, &note, vkey, 1));
    CHECK_OK(mal_audit_checkpoint_parse(cp, note.text));
}

static void vkey_of(mal_audit_vkey *vkey, const char *file) {
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    read_vector(&bytes, file);
    while (bytes.len && bytes.ptr[bytes.len - 1] == '\n')
        bytes.len--;
    CHECK_OK(mal_audit_vkey_parse(vkey, mal_buf_view(&bytes)));
}

TEST(the_tessera_log_gives_its_own_roots) {
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    mal_audit_vkey vkey;
    mal_audit_checkpoint cp;
    char name[128];
    vkey_of(&vkey, "tlog/tessera-log/vkey");
    for (unsigned size = 1; size <= 15; size++) {
        mal_audit_tree tree = { 0 };
        mal_prim_hash root;
        snprintf(name, sizeof name, "tlog/tessera-log/checkpoint.%u", size);
        read_vector(&bytes, name);
        verified_checkpoint(&cp, &bytes, &vkey);
        CHECK_EQ(cp.size, size);
        snprintf(name, sizeof name, "tlog/tessera-log/tile/0/000.p/%u", size);
        read_vector(&bytes, name);
        CHECK_EQ(bytes.len, 32 * size);
        mal_prim_merkle_root(&root, (const mal_prim_hash *)(void *)bytes.ptr,
                             size);
        CHECK(mal_equal(root.b, cp.root.b, 32));
        snprintf(name, sizeof name, "tlog/tessera-log/tile/entries/000.p/%u",
                 size);
        read_vector(&bytes, name);
        for (size_t at = 0; at < bytes.len;) {
            size_t len = (size_t)bytes.ptr[at] << 8 | bytes.ptr[at + 1];
            CHECK(at + 2 + len <= bytes.len);
            mal_audit_tree_add(&tree, mal_bytes_of(bytes.ptr + at + 2, len));
            at += 2 + len;
        }
        mal_audit_tree_root(&tree, &root);
        CHECK(mal_equal(root.b, cp.root.b, 32));
    }
}

TEST(a_witness_cosigns_the_whole_tessera_log) {
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf tile = { 0 };
    mal_audit_vkey vkey;
    mal_audit_witness *w;
    mal_audit_signer s = signer_of(1);
    vkey_of(&vkey, "tlog/tessera-log/vkey");
    CHECK_OK(mal_audit_witness_open(&w, ":memory:", "example.com/w", &s));
    CHECK_OK(mal_audit_witness_trust(w, vkey.name, &vkey));
    /* 1 to 8: the proof is the right half's root; others are other tests' */
    const uint64_t sizes[] = { 1, 2, 4, 8 };
    read_vector(&tile, "tlog/tessera-log/tile/0/000.p/8");
    const mal_prim_hash *leaves = (const mal_prim_hash *)(void *)tile.ptr;
    for (size_t i = 0; i < 4; i++) {
        char name[64];
        mal_prim_hash right;
        uint64_t old = i ? sizes[i - 1] : 0;
        MAL_AUTO(mal_buf_clear) mal_buf lines = { 0 };
        snprintf(name, sizeof name, "tlog/tessera-log/checkpoint.%u",
                 (unsigned)sizes[i]);
        read_vector(&bytes, name);
        mal_prim_merkle_root(&right, leaves + old, (size_t)old);
        CHECK_OK(mal_audit_witness_cosign(w, &lines, NULL, old, &right, i > 0,
                                          mal_buf_view(&bytes), 1000 + i));
        CHECK(lines.len > 0);
    }
    mal_audit_witness_close(w);
}

TEST(the_mirror_s_tiles_give_the_cosigned_root) {
    MAL_AUTO(mal_json_auto)
    mal_json *o = json_file("tlog/sunlight-mirror/mirror.v0.json");
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    mal_audit_vkey vkey;
    mal_audit_checkpoint cp;
    size_t n;
    mal_prim_hash leaves[300], root, top;
    CHECK(keys_of(&vkey, &n, mal_json_find(o, "verifier_keys")));
    CHECK_EQ(vkey.type, MAL_AUDIT_SIG_COSIGN);
    read_vector(&bytes, "tlog/sunlight-mirror/checkpoint");
    verified_checkpoint(&cp, &bytes, &vkey);
    CHECK_EQ(cp.size, 300);
    read_vector(&bytes, "tlog/sunlight-mirror/tile/0/000");
    CHECK_EQ(bytes.len, 256 * 32);
    memcpy(leaves, bytes.ptr, bytes.len);
    read_vector(&bytes, "tlog/sunlight-mirror/tile/0/001.p/44");
    CHECK_EQ(bytes.len, 44 * 32);
    memcpy(leaves + 256, bytes.ptr, bytes.len);
    mal_prim_merkle_root(&root, leaves, 300);
    CHECK(mal_equal(root.b, cp.root.b, 32));
    mal_prim_merkle_root(&top, leaves, 256);
    read_vector(&bytes, "tlog/sunlight-mirror/tile/1/000.p/1");
    CHECK(bytes.len == 32 && mal_equal(top.b, bytes.ptr, 32));
}

TEST(cosignatures_verify_and_unknown_types_are_ignored) {
    const char *const names[] = { "witness", "witness2" };
    for (size_t i = 0; i < 2; i++) {
        MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
        char name[128];
        mal_audit_vkey vkey;
        mal_audit_note note;
        bool by;
        uint64_t time;
        snprintf(name, sizeof name, "tlog/witness-checkpoints/%s.vkey",
                 names[i]);
        vkey_of(&vkey, name);
        snprintf(name, sizeof name, "tlog/witness-checkpoints/%s.checkpoint",
                 names[i]);
        read_vector(&bytes, name);
        CHECK_OK(mal_audit_note_parse(&note, mal_buf_view(&bytes)));
        CHECK_OK(mal_audit_note_verify(&by, &time, &note, &vkey, 1));
        CHECK(by && time > 1700000000);
    }
}

/* --- Witness -------------------------------------------------------------- */

static void run_session(const mal_json *session) {
    const mal_json *cases = mal_json_find(session, "cases");
    mal_audit_witness *w;
    mal_audit_signer s = signer_of(2);
    CHECK_OK(mal_audit_witness_open(&w, ":memory:", "example.com/witness", &s));
    mal_audit_vkey vkey;
    if (mal_json_find(session, "log_vkey")) {
        CHECK_OK(mal_audit_vkey_parse(
            &vkey, mal_bytes_str(str_of(session, "log_vkey"))));
        CHECK_OK(mal_audit_witness_trust(w, "go.sum database tree", &vkey));
    } else {
        uint8_t pub[32];
        char origin[256] = "";
        const char *body = str_of(mal_json_at(cases, 0), "request_body");
        body = strstr(body, "\n\n") + 2;
        strncat(origin, body, (size_t)(strchr(body, '\n') - body));
        CHECK_OK(
            mal_json_get_hex(session, "log_ed25519_public_key_hex", pub, 32));
        CHECK_OK(
            mal_audit_vkey_make(&vkey, origin, MAL_AUDIT_SIG_ED25519, pub));
        CHECK_OK(mal_audit_witness_trust(w, origin, &vkey));
    }
    for (size_t i = 0; i < mal_json_len(cases); i++) {
        const mal_json *one = mal_json_at(cases, i);
        const char *expect = str_of(one, "expect");
        MAL_AUTO(mal_buf_clear) mal_buf answer = { 0 };
        int64_t wanted;
        int status;
        CHECK_OK(mal_json_get_int(one, "expect_status", &wanted));
        /* The specification says 404 where litewitness says 403. */
        if (strstr(expect, "unknown log"))
            wanted = 404;
        CHECK_OK(mal_audit_witness_answer(
            w, &answer, &status, mal_bytes_str(str_of(one, "request_body")),
            1700000000));
        CHECK_THAT(status == wanted, "case %zu: %d, not %d (%s)", i, status,
                   (int)wanted, text_of(&answer));
        if (wanted == 200)
            CHECK(
                strstr(text_of(&answer), "\xe2\x80\x94 example.com/witness "));
        if (wanted == 409)
            CHECK(strchr(expect, text_of(&answer)[0]) && answer.len == 2);
    }
    mal_audit_witness_close(w);
}

TEST(the_witness_answers_add_checkpoint_as_published) {
    MAL_AUTO(mal_json_auto)
    mal_json *o = json_file("tlog/witness-add-checkpoint.json");
    const mal_json *sessions = mal_json_find(o, "sessions");
    CHECK_EQ(mal_json_len(sessions), 2);
    for (size_t i = 0; i < 2; i++)
        run_session(mal_json_at(sessions, i));
}

/* --- Other people's proofs ------------------------------------------------ */

static mal_err check_rekor(const mal_json *one) {
    const mal_json *p, *tlogs = mal_json_find(one, "tlogs"), *inner;
    MAL_AUTO(mal_buf_clear) mal_buf entry = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    mal_audit_policy policy = { .quorum = 0 };
    mal_audit_proof proof;
    mal_audit_checkpoint cp;
    mal_err err = MAL_E_AUTH;
    MAL_TRY(mal_json_get_object(one, "inclusionProof", &p));
    MAL_TRY(mal_json_get_base64(one, "canonicalizedBody", &entry));
    /* The same thing as a c2sp.org/tlog-proof text. */
    MAL_TRY(mal_buf_put_fmt(&text, "c2sp.org/tlog-proof@v1\nindex %s\n",
                            str_of(p, "logIndex")));
    const mal_json *hashes = mal_json_find(p, "hashes");
    for (size_t i = 0; i < mal_json_len(hashes); i++) {
        const char *hash;
        MAL_TRY(mal_json_as_str(mal_json_at(hashes, i), "hash", &hash));
        MAL_TRY(mal_buf_put_fmt(&text, "%s\n", hash));
    }
    MAL_TRY(mal_json_get_object(p, "checkpoint", &inner));
    MAL_TRY(mal_buf_put_fmt(&text, "\n%s", str_of(inner, "envelope")));
    MAL_TRY(mal_audit_proof_parse(&proof, mal_buf_view(&text)));
    for (size_t i = 0; i < mal_json_len(tlogs) && err != MAL_OK; i++) {
        const mal_json *log = mal_json_at(tlogs, i);
        MAL_AUTO(mal_buf_clear) mal_buf der = { 0 };
        if (strcmp(str_of(log, "keyDetails"), "PKIX_ED25519") != 0)
            continue;
        CHECK_OK(mal_json_get_base64(log, "key_der_b64", &der));
        CHECK_EQ(der.len, 44);
        CHECK_OK(mal_audit_vkey_make(
            &policy.log, str_of(log, "baseUrl") + strlen("https://"),
            MAL_AUDIT_SIG_ED25519, der.ptr + 12));
        err = mal_audit_proof_verify(&cp, NULL, NULL, &proof,
                                     mal_buf_view(&entry), &policy);
    }
    return err;
}

TEST(rekor_v2_proofs_verify_and_the_broken_ones_do_not) {
    MAL_AUTO(mal_json_auto)
    mal_json *o = json_file("tlog/rekor-v2-inclusion.json");
    CHECK_EQ(mal_json_len(o), 13);
    for (size_t i = 0; i < mal_json_len(o); i++) {
        const mal_json *one = mal_json_at(o, i);
        bool ok = strcmp(str_of(one, "verdict"), "ok") == 0;
        mal_err err = check_rekor(one);
        CHECK_THAT((err == MAL_OK) == ok, "%s: %s (%s)", str_of(one, "name"),
                   mal_err_name(err), mal_err_message());
    }
}

/* The value of "key=" in a sigsum proof, as bytes. */
static const char *sigsum_hex(uint8_t *out, size_t len, const char *text,
                              const char *key) {
    char hex[257];
    const char *at = strstr(text, key);
    CHECK_THAT(at, "no %s", key);
    snprintf(hex, 2 * len + 1, "%s", at + strlen(key));
    CHECK_OK(mal_hex_decode(out, len, hex));
    return at + strlen(key) + 2 * len;
}

TEST(sigsum_proofs_are_logs_and_cosignatures_like_ours) {
    MAL_AUTO(mal_json_auto) mal_json *o = json_file("tlog/sigsum-proofs.json");
    for (size_t i = 0; i < mal_json_len(o); i++) {
        const mal_json *one = mal_json_at(o, i);
        const char *text = str_of(one, "proof"), *at;
        MAL_AUTO(mal_buf_clear) mal_buf note = { 0 };
        mal_audit_checkpoint cp = { .size = 4 };
        uint8_t entry[128], log_pub[32], message[32], sig[64], raw[76];
        mal_prim_hash hash, leaf, path[2];
        char hex[65];
        CHECK_OK(mal_json_get_hex(one, "log_key_hex", log_pub, 32));
        CHECK_OK(mal_json_get_hex(one, "message_32_bytes_hex", message, 32));
        mal_prim_sha256_of(&hash, mal_bytes_of(log_pub, 32));
        mal_hex_encode(hex, mal_bytes_of(hash.b, 32));
        snprintf(cp.origin, sizeof cp.origin, "sigsum.org/v1/tree/%s", hex);
        sigsum_hex(cp.root.b, 32, text, "root_hash=");
        /* leaf: checksum, signature, key hash */
        mal_prim_sha256_of(&hash, mal_bytes_of(message, 32));
        memcpy(entry, hash.b, 32);
        at = sigsum_hex(entry + 96, 32, text, "leaf=");
        sigsum_hex(entry + 32, 64, at, " ");
        mal_prim_merkle_leaf(&leaf, mal_bytes_of(entry, 128));
        at = sigsum_hex(path[0].b, 32, text, "node_hash=");
        sigsum_hex(path[1].b, 32, at, "node_hash=");
        CHECK_OK(
            mal_prim_merkle_verify_inclusion(&cp.root, 4, &leaf, 3, path, 2));
        CHECK_OK(mal_audit_checkpoint_print(&note, &cp));
        sigsum_hex(sig, 64, text, "\nsignature=");
        CHECK_OK(mal_prim_verify(sig, log_pub, mal_buf_view(&note)));
        at = strstr(text, "cosignature=");
        if (!at)
            continue;
        /* Its cosignature as a line of a note. */
        const char *witness;
        mal_audit_vkey vkey;
        uint8_t pub[32];
        mal_audit_note parsed;
        CHECK_OK(mal_json_as_str(
            mal_json_at(mal_json_find(one, "witness_keys_hex"), 0), "key",
            &witness));
        CHECK_OK(mal_hex_decode(pub, 32, witness));
        CHECK_OK(mal_audit_vkey_make(&vkey, "w", MAL_AUDIT_SIG_COSIGN, pub));
        at += strlen("cosignature=") + 65;
        uint64_t time = strtoull(at, NULL, 10);
        sigsum_hex(raw + 12, 64, strchr(at, ' '), " ");
        mal_store_u64be(raw + 4, time);
        for (int k = 0; k < 4; k++)
            raw[k] = (uint8_t)(vkey.id >> (24 - 8 * k));
        CHECK_OK(mal_buf_put_str(&note, "\n\xe2\x80\x94 w "));
        CHECK_OK(mal_base64_encode(&note, mal_bytes_of(raw, 76)));
        CHECK_OK(mal_buf_put_str(&note, "\n"));
        CHECK_OK(mal_audit_note_parse(&parsed, mal_buf_view(&note)));
        CHECK_OK(mal_audit_note_verify(NULL, NULL, &parsed, &vkey, 1));
    }
}

TEST_MAIN
