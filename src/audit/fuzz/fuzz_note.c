/* fuzz_note.c - any bytes as a note, a checkpoint, a key, a tile path, a
 * request. */
#include <malus/audit.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t pub[32] = { 1 };
    mal_bytes bytes = mal_bytes_of(data, size);
    mal_audit_note note;
    mal_audit_checkpoint cp;
    mal_audit_vkey vkey;
    mal_audit_key key;
    int level;
    unsigned width;
    uint64_t index;

    if (mal_audit_vkey_make(&vkey, "example.com/foo", 1, pub) != MAL_OK)
        return 0;
    if (mal_audit_note_parse(&note, bytes) == MAL_OK) {
        mal_err err = mal_audit_note_verify(NULL, NULL, &note, &vkey, 1);
        assert(err != MAL_OK); /* nobody has that key */
        err = mal_audit_checkpoint_parse(&cp, note.text);
        (void)err;
    }
    if (mal_audit_checkpoint_parse(&cp, bytes) == MAL_OK) {
        MAL_AUTO(mal_buf_clear) mal_buf again = { 0 };
        mal_err err = mal_audit_checkpoint_print(&again, &cp);
        /* Extension lines are not kept, nor is a NUL in an origin possible. */
        assert(err == MAL_OK && again.len <= size);
    }
    if (mal_audit_vkey_parse(&vkey, bytes) == MAL_OK)
        assert(vkey.name[0]);
    if (mal_audit_tile_parse(&level, &index, &width, bytes) == MAL_OK)
        assert(width >= 1 && width <= 256);
    mal_err err = mal_audit_key_statement_verify(&key, bytes, pub);
    assert(err != MAL_OK);
    return 0;
}
