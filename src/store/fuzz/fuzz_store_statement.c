/* fuzz_store_statement.c - a peer's dataset statement. */
#include "../store_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mal_arena *arena = mal_arena_new(4 << 20);
    mal_store_statement_view v;

    if (mal_store_statement_decode(&v, arena, mal_bytes_of(data, size)) ==
        MAL_OK) {
        assert(v.n_columns > 0 && v.n_commitments > 0 && v.version > 0);
        for (unsigned i = 0; i < v.n_columns; i++)
            assert(v.columns[i].name[0] && v.columns[i].lo <= v.columns[i].hi);
    }
    mal_arena_free(arena);
    return 0;
}
