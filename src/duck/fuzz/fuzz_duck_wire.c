/* fuzz_duck_wire.c - whatever a taken-over child sends, the parent survives,
 * and whatever is accepted encodes to the same bytes again. */
#include "../duck_impl.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_frame(const uint8_t *data, size_t size) {
    duck_kind kind;
    size_t len;
    if (size >= DUCK_HEADER &&
        mal_duck_frame_header(&kind, &len, data) == MAL_OK)
        assert(len <= DUCK_FRAME_MAX && kind < DUCK_KINDS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static mal_duck_column columns[MAL_DUCK_COLUMNS_MAX];
    mal_duck_batch batch;
    /* The payload of a frame starts on an 8-byte boundary. */
    uint64_t *copy = malloc(size + 8);
    mal_rd rd;
    char name[64];

    memcpy(copy, data, size);
    check_frame(data, size);
    rd = mal_rd_of(mal_bytes_of(data, size));
    if (mal_duck_name_get(&rd, name) == MAL_OK)
        assert(mal_duck_name_valid(name));
    if (mal_duck_batch_get(&batch, columns, mal_bytes_of(copy, size)) ==
        MAL_OK) {
        mal_buf out = { 0 };
        mal_err err = mal_duck_batch_put(&out, &batch, 0, batch.rows);
        /* All but the padding, which is not looked at. */
        assert(err == MAL_OK && out.len == size);
        mal_buf_clear(&out);
        uint64_t sum = 0;
        for (unsigned c = 0; c < batch.n; c++)
            for (size_t i = 0; i < batch.rows; i++) {
                const mal_duck_column *k = &batch.columns[c];
                sum += k->null ? k->null[i] : 0;
                sum += k->i64 ? (uint64_t)k->i64[i] : 0;
                sum += k->id ? k->id[i * 16 + 15] : 0;
                for (uint32_t t = k->text_at ? k->text_at[i] : 0;
                     k->text_at && t < k->text_at[i + 1]; t++)
                    sum += k->text[t];
            }
        (void)mal_barrier(sum);
    }
    free(copy);
    return 0;
}
