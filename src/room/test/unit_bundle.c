/* unit_bundle.c - a contract and its owners' signatures: who signed what, and
 * what a changed byte does. */
#include "mal_test.h"

#include <malus/room.h>

#include <stdio.h>

static const char contract_text[] =
    "room \"pair\" version %d\n%s"
    "party ann owner ed25519:%s\n"
    "party bob owner ed25519:%s\n"
    "party eve analyst ed25519:%s\n"
    "dataset ann.t {\n"
    "  k id normal raw@1 domain d\n"
    "  g dim in (\"x\", \"y\")\n"
    "  privacy unit k contributes at most %d rows\n"
    "  rows at most 100\n"
    "}\n"
    "rule r permit count by eve from ann.t (dim g) require epsilon <= 1,"
    " delta <= 1e-9 run clear to eve\n"
    "budget ann.t for all epsilon 3 in all, delta 1e-6\n"
    "collude 1\nconsent all owners\nexpires 2090-01-01\n";

enum { ANN, BOB, EVE, PEOPLE };
static const char *const names[PEOPLE] = { "ann", "bob", "eve" };
static mal_kms *kms[PEOPLE];
static char dir[300], text[4096];

static void print_contract(char *out, int version, const char *lines,
                           int contributes) {
    char pub[PEOPLE][80];
    for (int i = 0; i < PEOPLE; i++) {
        uint8_t key[32];
        mal_buf b64 = { 0 };
        const char *s;
        mal_kms_identity(kms[i], key);
        CHECK_OK(mal_base64_encode(&b64, mal_bytes_of(key, 32)));
        CHECK_OK(mal_buf_cstr(&b64, &s));
        snprintf(pub[i], sizeof pub[i], "%s", s);
        mal_buf_clear(&b64);
    }
    snprintf(out, 4096, contract_text, version, lines, pub[ANN], pub[BOB],
             pub[EVE], contributes);
}

static void set_up(void) {
    if (*dir)
        return;
    CHECK_OK(mal_prim_init());
    snprintf(dir, sizeof dir, "%.200s", mal_test_dir());
    for (int i = 0; i < PEOPLE; i++) {
        char path[400];
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        CHECK_OK(mal_kms_create(path, names[i], mal_time_unix()));
        CHECK_OK(mal_kms_open(&kms[i], path));
    }
    print_contract(text, 1, "", 2);
}

static void sign(mal_buf *out, mal_bytes in, int who) {
    mal_buf next = { 0 };
    CHECK_OK(mal_room_bundle_sign(&next, in, kms[who]));
    mal_buf_clear(out);
    *out = next;
}

TEST(a_text_alone_is_signed_by_nobody) {
    set_up();
    mal_room_bundle b;
    mal_arena *arena = mal_arena_new(64 << 20);
    CHECK_OK(mal_room_bundle_read(&b, arena, mal_bytes_str(text)));
    CHECK_EQ(b.signed_, 0);
    CHECK_EQ(b.missing, mal_policy_owners(b.contract));
    mal_arena_free(arena);
}

TEST(signatures_add_up_in_any_order_and_twice_is_once) {
    set_up();
    mal_room_bundle b;
    mal_arena *arena = mal_arena_new(64 << 20);
    mal_buf one = { 0 }, two = { 0 }, both = { 0 };
    sign(&one, mal_bytes_str(text), BOB);
    CHECK_OK(mal_room_bundle_read(&b, arena, mal_buf_view(&one)));
    CHECK_EQ(b.signed_ & b.missing, 0);
    CHECK(b.missing != 0);
    sign(&two, mal_bytes_str(text), ANN);
    CHECK_OK(
        mal_room_bundle_merge(&both, mal_buf_view(&one), mal_buf_view(&two)));
    sign(&both, mal_buf_view(&both), ANN);
    CHECK_OK(mal_room_bundle_read(&b, arena, mal_buf_view(&both)));
    CHECK_EQ(b.missing, 0);
    mal_buf_clear(&one);
    mal_buf_clear(&two);
    mal_buf_clear(&both);
    mal_arena_free(arena);
}

TEST(a_stranger_cannot_sign) {
    set_up();
    char path[400];
    mal_kms *stranger;
    mal_buf out = { 0 };
    snprintf(path, sizeof path, "%s/mallory", dir);
    CHECK_OK(mal_kms_create(path, "mallory", mal_time_unix()));
    CHECK_OK(mal_kms_open(&stranger, path));
    CHECK_ERR(mal_room_bundle_sign(&out, mal_bytes_str(text), stranger),
              MAL_E_DENIED);
    mal_kms_close(stranger);
    mal_buf_clear(&out);
}

TEST(two_contracts_do_not_merge) {
    set_up();
    char other[4096];
    mal_buf a = { 0 }, b = { 0 }, out = { 0 };
    print_contract(other, 1, "", 3);
    sign(&a, mal_bytes_str(text), ANN);
    sign(&b, mal_bytes_str(other), BOB);
    CHECK_ERR(mal_room_bundle_merge(&out, mal_buf_view(&a), mal_buf_view(&b)),
              MAL_E_INPUT);
    mal_buf_clear(&a);
    mal_buf_clear(&b);
    mal_buf_clear(&out);
}

/* Every byte of the envelope, changed in turn: refused, or (white space, the
 * order of JSON) still the same contract with the same valid signatures. */
TEST(a_changed_byte_invalidates_every_signature) {
    set_up();
    mal_buf good = { 0 };
    mal_room_bundle b, first;
    mal_arena *keep = mal_arena_new(64 << 20);
    sign(&good, mal_bytes_str(text), ANN);
    sign(&good, mal_buf_view(&good), BOB);
    CHECK_OK(mal_room_bundle_read(&first, keep, mal_buf_view(&good)));
    size_t refused = 0;
    for (size_t i = 0; i < good.len; i += 3) {
        mal_arena *arena = mal_arena_new(64 << 20);
        good.ptr[i] ^= 0x10;
        if (mal_room_bundle_read(&b, arena, mal_buf_view(&good)) != MAL_OK ||
            b.missing != 0)
            refused++;
        else
            CHECK(mal_equal(b.contract->hash, first.contract->hash, 32));
        good.ptr[i] ^= 0x10;
        mal_arena_free(arena);
    }
    CHECK(refused * 3 > good.len - good.len / 20);
    mal_buf_clear(&good);
    mal_arena_free(keep);
}

TEST(the_folder_is_removed) {
    for (int i = 0; i < PEOPLE; i++)
        mal_kms_close(kms[i]);
    CHECK_OK(mal_dir_remove(dir));
}

TEST_MAIN
